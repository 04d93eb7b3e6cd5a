'use strict'

// Time, in a process where a test may have replaced the timers (jest, vitest, sinon, node:test).
//
// The rule: times in ms that the package promises, and that the originals measured with the process' timers, use the
// present timers (`theirs`), so that a test that advances its clock advances them too: timeouts of requests and of
// exchanges with grapes, announces, retries, cached lookups, idle transports. Everything that keeps the work going
// uses Node's own timers, as they were when this was loaded: the later tick of a callback, flushing and delivery,
// handshakes, heartbeats, backoff, ages of what strangers hold, keeping the process alive. The originals leave that
// to Node's sockets, which no test replaces.

const { performance } = require('perf_hooks')
const timers = require('timers')

const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate } = timers

/** Replaced before this was loaded, by fake-timers, as in jest with `enableGlobally`. */
const isFake = thing => thing.clock !== undefined

// One turn later if there is no real `nextTick`.
const nextTick = isFake(process.nextTick) ? (call, ...args) => setImmediate(call, ...args) : process.nextTick

// From the object that tests do not replace.
const monotonic = () => performance.now()

const ORIGIN = performance.timeOrigin

/** `monotonic()` since 1970, comparable with `theirs.now()`. */
const sinceEpoch = () => ORIGIN + monotonic()

/** Whole milliseconds. */
const dateNow = isFake(Date) || isFake(Date.now) ? () => Math.floor(sinceEpoch()) : Date.now

const loaded = globalThis.setTimeout

/** Whether a test has replaced the timers. */
function isFaked () {
  return globalThis.setTimeout !== loaded || isFake(loaded)
}

/** A timer made by the timers present at that time: only their own `clearTimeout` can clear it. */
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
 * The value for a timer that must not fire before `ms` are over: Node counts whole milliseconds of its clock, and the
 * first one has begun already.
 */
function lasting (ms) {
  return Math.min(ms + 1, LONGEST)
}

const theirs = {
  /** Milliseconds for ages; monotonic, since the system's clock may jump. */
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
