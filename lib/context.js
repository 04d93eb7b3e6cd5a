'use strict'

// Callbacks run in the asynchronous context (AsyncLocalStorage, domain) of who asked, and handlers in
// that of who began to listen. Node does that by itself only for its own sockets and timers.
//
// As long as nobody uses contexts there is nothing to keep. Nothing of Node's is replaced to know that:
// see `look` below, and docs/ARCHITECTURE.md for what it costs.

const { AsyncResource } = require('async_hooks')
const { nextTick } = require('./clock')

const TYPE = 'GRENACHE'

class Scope extends AsyncResource {
  /** Who looks for open handles, as jest does, asks this. */
  hasRef () {
    return false
  }
}

/** What happens without anybody's doing belongs to who loaded this. */
const root = new Scope(TYPE)

let used = false

/** Called when the first context is seen. */
let onUsed = () => {}

function use () {
  if (used) return
  used = true
  onUsed()
}

const [FRAME, ID] = [/context_frame$/, /^async_id_symbol$/].map(name =>
  Object.getOwnPropertySymbols(root).find(({ description }) => name.test(description)))

const noop = () => {}

/** Node 20 and older keep all contexts by hooks, which give each Promise a number: 5 ns. */
function hasHooks () {
  return new Promise(noop)[ID] !== undefined
}

/** Later ones note the context in each resource, and may have hooks beside it, as for domains: 10 ns. */
function hasFrame () {
  try {
    // With hooks, Node refuses a resource without a type.
    return new AsyncResource('', 1)[FRAME] !== undefined
  } catch (err) {
    return true
  }
}

const isInUse = FRAME === undefined ? hasHooks : hasFrame

/** Notices whether somebody uses contexts by now, from then on for good. */
function look () {
  if (!used && isInUse()) use()
}

// Bun and Deno show nothing of it: there contexts are kept from the beginning.
if (ID === undefined || process.versions.bun || process.versions.deno) use()
// And whoever was here first.
else look()

/** `cb(err, res)`, called in the context of this call. */
function bind (cb) {
  look()
  return used ? bound(new Scope(TYPE), cb) : cb
}

/** `cb` of a call that was made when nobody used contexts. */
function unbind (cb) {
  return bound(within(null), cb)
}

function bound (scope, cb) {
  return (err, res) => scope.runInAsyncScope(guarded, undefined, undefined, cb, err, res)
}

/**
 * Calls what belongs to somebody in their context, where what it throws reaches their domain: out of the
 * scope there is none any more.
 */
function guarded (self, act, ...args) {
  try {
    return act.apply(self, args)
  } catch (err) {
    if (!process.domain) throw err
    // In a tick that belongs to the domain.
    nextTick(raise, err)
    while (process.domain) process.domain.exit()
  }
}

function raise (err) {
  throw err
}

/** The context of this call; null as long as nobody uses contexts. */
function capture () {
  look()
  return used ? new Scope(TYPE) : null
}

/** A context of its own for each of many things that happen in `scope`. */
function within (scope) {
  return (scope || root).runInAsyncScope(make)
}

/** Calls `act` of `self` in a context of its own in `scope`, if anybody uses contexts. */
function enter (scope, self, act, ...args) {
  look()
  if (used) within(scope).runInAsyncScope(guarded, undefined, self, act, ...args)
  else act.apply(self, args)
}

function make () {
  return new Scope(TYPE)
}

/** What a connection is told, and in which context: its own, one for each call, or none. */
const TOLD = {
  own: [
    'onClosed', 'onComposed', 'onDrained', 'onExpired', 'onLarge', 'onLeaving', 'onMessage', 'onOpened', 'onPing',
    'onPong', 'onReply', 'onReplyData', 'onRoom', 'terminate'
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
    return this._scope.runInAsyncScope(guarded, undefined, this.connection, this.connection[name], ...args)
  }
}

for (const name of TOLD.each) {
  Scoped.prototype[name] = function (...args) {
    return within(this._scope).runInAsyncScope(guarded, undefined, this.connection, this.connection[name], ...args)
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
  look,
  unbind,
  whenUsed (call) { onUsed = call },
  within
}
