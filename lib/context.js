'use strict'

// Callbacks run in the asynchronous context (AsyncLocalStorage) of who asked, and handlers in that
// of who began to listen. Node does that by itself only for its own sockets and timers.
//
// As long as nobody has entered a context there is nothing to keep, and that is known without
// looking: the first to enter one passes through `watch` below. See docs/ARCHITECTURE.md.

const { AsyncLocalStorage, AsyncResource } = require('async_hooks')

const TYPE = 'GRENACHE'

/** What happens without anybody's doing belongs to who loaded this. */
const root = new AsyncResource(TYPE)

let used = false

/** Called when the first context is entered. */
let onUsed = () => {}

function use () {
  if (used) return
  used = true
  onUsed()
}

/**
 * Lets a method of Node's that enters contexts say so, once: then the method is Node's own again,
 * unless somebody else has replaced it meanwhile.
 */
function watch (name) {
  const { prototype } = AsyncLocalStorage
  const enter = prototype[name]
  const watched = function (...args) {
    if (prototype[name] === watched) prototype[name] = enter
    use()
    return enter.apply(this, args)
  }
  Object.defineProperties(watched, Object.getOwnPropertyDescriptors(enter))
  prototype[name] = watched
}

/** Whether somebody was here before: there is a context, or there are hooks by which Node keeps them. */
function isLate () {
  let resource
  try {
    // With hooks, Node refuses a resource without a type, unless it is told not to look.
    resource = new AsyncResource('')
  } catch (err) {
    return true
  }
  // Where contexts need no hooks, Node notes them in the resource.
  return Object.getOwnPropertySymbols(resource).some(symbol => typeof resource[symbol] === 'object')
}

try {
  if (isLate()) use()
  else ['run', 'enterWith'].forEach(watch)
} catch (err) {
  // Somebody froze Node's classes: then every context is kept.
  use()
}

/** `cb(err, res)`, called in the context of this call. */
function bind (cb) {
  return used ? bound(new AsyncResource(TYPE), cb) : cb
}

/** `cb` of a call that was made when nobody used contexts. */
function unbind (cb) {
  return bound(within(null), cb)
}

function bound (scope, cb) {
  return (err, res) => scope.runInAsyncScope(cb, undefined, err, res)
}

/** The context of this call; null as long as nobody uses contexts. */
function capture () {
  return used ? new AsyncResource(TYPE) : null
}

/** A context of its own for each of many things that happen in `scope`. */
function within (scope) {
  return (scope || root).runInAsyncScope(make)
}

/** Calls `act` of `self` in a context of its own in `scope`, if anybody uses contexts. */
function enter (scope, self, act, ...args) {
  if (used) within(scope).runInAsyncScope(act, self, ...args)
  else act.apply(self, args)
}

function make () {
  return new AsyncResource(TYPE)
}

/** What a connection is told, and in which context: its own, one for each call, or none. */
const TOLD = {
  own: [
    'onClosed', 'onComposed', 'onDrained', 'onExpired', 'onMessage', 'onOpened', 'onPing', 'onPong',
    'onReply', 'onReplyData', 'onRoom', 'terminate'
  ],
  each: ['onRequest', 'onRequestData'],
  none: ['detach', 'flushStream', 'unbind']
}

/**
 * Tells a connection what happens to it in the context that it was made in, and each request in
 * one of its own. Only connections of those who use contexts have one, so it costs others nothing.
 */
class Scoped {
  constructor (connection, scope) {
    this.connection = connection
    this._scope = scope
  }
}

for (const name of TOLD.own) {
  Scoped.prototype[name] = function (...args) {
    return this._scope.runInAsyncScope(this.connection[name], this.connection, ...args)
  }
}

for (const name of TOLD.each) {
  Scoped.prototype[name] = function (...args) {
    return within(this._scope).runInAsyncScope(this.connection[name], this.connection, ...args)
  }
}

for (const name of TOLD.none) {
  Scoped.prototype[name] = function (...args) {
    return this.connection[name](...args)
  }
}

module.exports = {
  Scoped,
  TOLD,
  bind,
  capture,
  enter,
  unbind,
  whenUsed (call) { onUsed = call },
  within
}
