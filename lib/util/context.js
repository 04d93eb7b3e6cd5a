'use strict'

// Callbacks run in the async context (AsyncLocalStorage, domain) of the call that they belong to, and handlers in
// that of the call that began to listen. Node does that by itself only for its own sockets and timers.
//
// As long as nothing uses contexts there is nothing to keep. Finding that out replaces nothing of Node's: see `detectUse`
// below, and docs/ARCHITECTURE.md for the cost.

const { AsyncResource } = require('async_hooks')
const { nextTick } = require('./clock')

const TYPE = 'GRENACHE'

class Scope extends AsyncResource {
  /** Detectors of open handles, as in jest, call this. */
  hasRef () {
    return false
  }
}

/** Events without a calling context belong to the code that loaded this module. */
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

/** Later versions store the context in each resource, and may have hooks in addition, as for domains: 10 ns. */
function hasFrame () {
  try {
    // With hooks, Node rejects a resource without a type.
    return new AsyncResource('', 1)[FRAME] !== undefined
  } catch (err) {
    return true
  }
}

const isInUse = FRAME === undefined ? hasHooks : hasFrame

/** Checks whether contexts are used by now; once true, this stays true. */
function detectUse () {
  if (!used && isInUse()) use()
}

// Bun and Deno do not reveal it: there contexts are kept from the beginning.
if (ID === undefined || process.versions.bun || process.versions.deno) use()
// Contexts may have been used before this module was loaded.
else detectUse()

/** Binds `cb(err, res)` to the context of this call. */
function bind (cb) {
  detectUse()
  return used ? bound(new Scope(TYPE), cb) : cb
}

/** `cb` of a call that was made before contexts were used. */
function unbind (cb) {
  return bound(within(null), cb)
}

function bound (scope, cb) {
  return (err, res) => scope.runInAsyncScope(guarded, undefined, undefined, cb, err, res)
}

/**
 * Calls a user's function in its context, so that an exception reaches its domain: outside the scope there is none.
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

/** The context of this call; null as long as contexts are not used. */
function capture () {
  detectUse()
  return used ? new Scope(TYPE) : null
}

/** A new context within `scope`, for one of many events. */
function within (scope) {
  return (scope || root).runInAsyncScope(make)
}

/** Calls `act` of `self` in a new context within `scope`, if contexts are used. */
function enter (scope, self, act, ...args) {
  detectUse()
  if (used) within(scope).runInAsyncScope(guarded, undefined, self, act, ...args)
  else act.apply(self, args)
}

function make () {
  return new Scope(TYPE)
}

/** Calls `act` of `self` in a scope; an exception reaches the scope's domain. */
function runIn (scope, self, act, args) {
  return scope.runInAsyncScope(guarded, undefined, self, act, ...args)
}

module.exports = {
  bind,
  capture,
  detectUse,
  enter,
  runIn,
  unbind,
  whenUsed (call) { onUsed = call },
  within
}
