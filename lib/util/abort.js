'use strict'

// Calls that an AbortSignal cancels.

const { callEach } = require('./CallbackQueue')
const { nextTick } = require('./clock')
const { bind } = require('./context')
const { TEXT } = require('../errors/errors')
const { failure, tell } = require('../errors/failure')

/** As Node's own, whose class is not exported. */
class AbortError extends Error {
  constructor (signal) {
    super(TEXT.ABORTED, { cause: signal.reason })
    this.name = 'AbortError'
    this.code = 'ABORT_ERR'
  }
}

/** The calls that wait for one signal, with one listener for all of them. */
class Waits {
  constructor (signal) {
    this._signal = signal
    this._aborts = new Set()
    this._listener = () => this._abort()
  }

  add (abort) {
    if (this._aborts.size === 0) this._signal.addEventListener('abort', this._listener)
    this._aborts.add(abort)
  }

  delete (abort) {
    if (this._aborts.delete(abort) && this._aborts.size === 0) this._unlisten()
  }

  _abort () {
    const aborts = [...this._aborts]
    this._aborts.clear()
    this._unlisten()
    callEach(aborts, abort => abort())
  }

  _unlisten () {
    this._signal.removeEventListener('abort', this._listener)
  }
}

/** By signal: the cost of a listener for each request would grow with their number. */
const waits = new WeakMap()

function waitsOf (signal) {
  if (!waits.has(signal)) waits.set(signal, new Waits(signal))
  return waits.get(signal)
}

/**
 * Wraps `cb` of a call that `signal` may cancel: only the first call of the returned function counts, and none once
 * the signal is aborted. Returns undefined when the call fails at once because of its signal.
 * @param {function(function(Error), Error)} [end] calls back with the error, in a later tick by default
 * @param {object} [known] details for the error, see failure.js
 */
function abortable (signal, cb, end = nextTick, known = {}) {
  const isSignal = typeof signal.addEventListener === 'function'
  if (!isSignal || signal.aborted) {
    nextTick(cb, isSignal ? tell(new AbortError(signal), known) : failure(TEXT.NO_SIGNAL, known, TypeError))
    return undefined
  }

  // `abort()` may run in another async context.
  cb = bind(cb)
  const all = waitsOf(signal)
  // A finished call does not retain its callback, however late its reply.
  const take = () => {
    const taken = cb
    cb = null
    return taken
  }
  const abort = () => {
    if (cb !== null) end(take(), tell(new AbortError(signal), known))
  }
  all.add(abort)
  return (err, res) => {
    if (cb === null) return
    all.delete(abort)
    take()(err, res)
  }
}

module.exports = { AbortError, abortable }
