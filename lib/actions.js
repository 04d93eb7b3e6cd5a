'use strict'

// Requests of the form `{ action, args }`, answered by the methods of an object.

const { TEXT, badValue } = require('./errors')
const { late } = require('./failure')
const { CALLS } = require('./option-table')

/**
 * A handler for `service.handle` that answers `{ action, args }` with `api[action](...args)`. Strangers
 * say the action: only methods that are meant for them are called, and nothing that every object has.
 * @param {object} api its own functions are called, but for those that begin with `_`
 * @param {object} [opts] `methods`: names of those that are called instead, also of its class;
 *   `callback`: they take a callback for their last argument; `space`: their first argument, or a
 *   function of the context and the payload that returns it
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
    // It may be replaced, as by a test, or be gone.
    if (typeof action !== 'string' || !names.has(action) || !isMethod(api, action)) throw late(TEXT.ACTION_UNKNOWN)
    const args = hasSpace ? before(context, payload).concat(listOf(payload.args)) : listOf(payload.args)
    return callback ? promiseOf(api, action, args) : api[action](...args)
  }
}

function ownOf (api) {
  return Object.keys(api).filter(name => !name.startsWith('_') && isMethod(api, name))
}

/** Neither `constructor` nor `__proto__` nor `toString`, however the object came to it. */
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
    // An async method answers by its callback, but may fail by itself.
    if (result && typeof result.then === 'function') result.then(undefined, reject)
  })
}

module.exports = actions
