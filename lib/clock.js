'use strict'

// Time, in a process where a test may have replaced the timers (jest, vitest, sinon, node:test).
//
// The rule: what the package promises in ms, and the originals counted by the process' timers, is
// counted by the timers of the moment (`theirs`), so that a test that advances its clock advances it
// too: timeouts of requests and of exchanges with grapes, announces, retries, kept lookups, idle
// transports. All that makes the work go on is Node's own, as it was when this was loaded: the later
// tick of a callback, what is flushed and delivered, handshakes, heartbeats, pauses after failures, ages
// of what strangers hold, what keeps the process alive. The originals leave that to Node's sockets,
// which no test replaces.

const { performance } = require('perf_hooks')
const timers = require('timers')

const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate } = timers

/** Replaced before this was loaded, by fake-timers, as in jest with `enableGlobally`. */
const isFake = thing => thing.clock !== undefined

// One turn later where there is no other.
const nextTick = isFake(process.nextTick) ? (call, ...args) => setImmediate(call, ...args) : process.nextTick

// Of the object that a test does not replace.
const monotonic = () => performance.now()

const ORIGIN = performance.timeOrigin

/** As `monotonic()`, since 1970: as what `theirs.now()` returns. */
const sinceEpoch = () => ORIGIN + monotonic()

/** Whole milliseconds. */
const dateNow = isFake(Date) || isFake(Date.now) ? () => Math.floor(sinceEpoch()) : Date.now

const loaded = globalThis.setTimeout

/** Whether a test has replaced the timers. */
function isFaked () {
  return globalThis.setTimeout !== loaded || isFake(loaded)
}

/** A timer of whoever had the timers then: others could not clear it. */
class Timer {
  constructor (call, ms) {
    this._clear = globalThis.clearTimeout
    this._timer = globalThis.setTimeout(call, ms)
  }

  clear () {
    this._clear.call(undefined, this._timer)
  }

  unref () {
    if (this._timer && typeof this._timer.unref === 'function') this._timer.unref()
    return this
  }
}

/** The longest time of a timer. */
const LONGEST = 2 ** 31 - 1

/**
 * What to tell a timer that is to go off when `ms` are over, and not before: Node counts whole
 * milliseconds of its clock, of which the first one has begun already.
 */
function lasting (ms) {
  return Math.min(ms + 1, LONGEST)
}

const theirs = {
  /** Milliseconds, by which things age; not by the system's clock, which may jump. */
  now: () => isFaked() ? Date.now() : sinceEpoch(),
  setTimeout: (call, ms) => new Timer(call, ms)
}

module.exports = {
  clearInterval,
  clearTimeout,
  dateNow,
  isFaked,
  lasting,
  monotonic,
  nextTick,
  setImmediate,
  setInterval,
  setTimeout,
  theirs
}
