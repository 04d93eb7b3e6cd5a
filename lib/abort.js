'use strict'

// Calls that an AbortSignal ends.

const { callEach } = require('./cbq')
const { nextTick } = require('./clock')
const { bind } = require('./context')
const { TEXT } = require('./errors')
const { failure, tell } = require('./failure')

/** As Node's own, whose class cannot be had. */
class AbortError extends Error {
  constructor (signal) {
    super(TEXT.ABORTED, { cause: signal.reason })
    this.name = 'AbortError'
    this.code = 'ABORT_ERR'
  }
}

/** What waits for one signal, with one listener for all of it. */
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

/** By signal: a listener for each request would take a time that grows with their number. */
const waits = new WeakMap()

function waitsOf (signal) {
  if (!waits.has(signal)) waits.set(signal, new Waits(signal))
  return waits.get(signal)
}

/**
 * `cb` of a call that `signal` may end: only the first call of what is returned counts, and none
 * once the signal is aborted. Undefined, when the call fails at once for its signal.
 * @param {function(function(Error), Error)} [end] ends the call, in a later tick by default
 * @param {object} [known] what the error knows, see failure.js
 */
function abortable (signal, cb, end = nextTick, known = {}) {
  const isSignal = typeof signal.addEventListener === 'function'
  if (!isSignal || signal.aborted) {
    nextTick(cb, isSignal ? tell(new AbortError(signal), known) : failure(TEXT.NO_SIGNAL, known, TypeError))
    return undefined
  }

  // Who aborts may be somebody else.
  cb = bind(cb)
  const all = waitsOf(signal)
  // What ends does not keep its callback, however late its reply.
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
