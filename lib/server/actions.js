'use strict'

// Serves requests of the form `{ action, args }` with the methods of an object.

const { TEXT, badValue } = require('../errors/errors')
const { late } = require('../errors/failure')
const { CALLS } = require('../options/optionTable')

/**
 * Makes a handler for `service.handle` that replies to `{ action, args }` with `api[action](...args)`. Strangers
 * choose the action: only methods that are meant for it are called, and none that every object has.
 * @param {object} api its own functions are called, except those that begin with `_`
 * @param {object} [opts] `methods`: names of the methods to call instead, including inherited ones; `callback`: the
 *   methods take a callback as their last argument; `space`: their first argument, or a function of the context and
 *   the payload that returns it
 */
function actions (api, opts = {}) {
  const { space } = opts
  const callback = CALLS.actions.callback.of(opts.callback)
  if (api === null || typeof api !== 'object') throw badValue('api', api, 'an object with methods')
  const names = new Set(opts.methods || ownOf(api))
  for (const name of names) {
    if (!isMethod(api, name)) throw badValue('methods', name, 'the name of a method that not every object has')
  }
  if (names.size === 0) throw badValue('methods', opts.methods, 'a list of names, where the object itself has no functions')
  const before = (context, payload) => typeof space === 'function' ? [space(context, payload)] : [space]
  const hasSpace = space !== undefined

  return (payload, context) => {
    const action = payload ? payload.action : undefined
    // The method may have been replaced, as by a test, or removed.
    if (typeof action !== 'string' || !names.has(action) || !isMethod(api, action)) throw late(TEXT.ACTION_UNKNOWN)
    const args = hasSpace ? before(context, payload).concat(listOf(payload.args)) : listOf(payload.args)
    return callback ? promiseOf(api, action, args) : api[action](...args)
  }
}

function ownOf (api) {
  return Object.keys(api).filter(name => !name.startsWith('_') && isMethod(api, name))
}

/** Excludes `constructor`, `__proto__`, `toString` and the like, even if the object has its own. */
function isMethod (api, name) {
  return typeof name === 'string' && !(name in Object.prototype) && typeof api[name] === 'function'
}

function listOf (args) {
  if (Array.isArray(args)) return args
  return args === undefined || args === null ? [] : [args]
}

function promiseOf (api, action, args) {
  return new Promise((resolve, reject) => {
    const result = api[action](...args, (err, res) => err ? reject(err) : resolve(res))
    // An async method replies by its callback, but may also reject.
    if (result && typeof result.then === 'function') result.then(undefined, reject)
  })
}

module.exports = actions
