'use strict'

const { clearTimeout, setImmediate, setTimeout } = require('../util/clock')
const { ANNOUNCE_AGAIN, GRAPE_WATCH, PROBE_TYPE } = require('../options/defaults')
const { TEXT, addressOf } = require('../errors/errors')
const { late } = require('../errors/failure')
const { refusalOf } = require('./grapeAnswers')
const { kEvents, kExchanges } = require('../util/symbols')
const { OPTIONS } = require('../options/optionTable')
const { waitAfter } = require('../util/backoffDelay')

/**
 * Whether a link's grapes reply: `connect` when one does, `disconnect` and `error` when none does. Every exchange
 * updates it; while there are listeners but no exchanges, it sends a request itself.
 */
class LinkState {
  constructor (link) {
    this._link = link
    /** True, false, or null before the first exchange. */
    this._isConnected = null
    this._isStarted = false
    this._failures = 0
    this._timer = null
  }

  start () {
    if (this._isStarted) return
    this._isStarted = true
    const begun = this._begun = {}
    // A listener added after `start` gets the event too.
    setImmediate(() => this._begun === begun && this._isStarted && this._look())
  }

  stop () {
    this._isStarted = false
    this._isConnected = null
    this._failures = 0
    clearTimeout(this._timer)
  }

  /** Something replied at a grape's address. */
  heard (grape, type, err, data) {
    if (isGrape(type, err, data)) return this._connected()
    if (type !== PROBE_TYPE || this._isConnected === true) return
    this.lost(late(`ERR_GRAPE_ANSWER: what answers at ${addressOf(grape)} is no grape`, { grape: addressOf(grape) }))
  }

  /** No grape replies. */
  lost (err) {
    if (!this._isStarted || this._isConnected === false) return
    this._isConnected = false
    const events = this._link[kEvents]
    events.emit('disconnect', err)
    if (events.listenerCount('error') > 0) events.emit('error', err)
    this._lookAfter()
  }

  _connected () {
    if (!this._isStarted || this._isConnected === true) return
    this._isConnected = true
    this._failures = 0
    this._link[kEvents].emit('connect')
  }

  get _hasListeners () {
    return EVENTS.some(name => this._link[kEvents].listenerCount(name) > 0)
  }

  _look () {
    clearTimeout(this._timer)
    if (!this._isStarted || !this._hasListeners) return
    this._link[kExchanges].ask(PROBE_TYPE, null, timeoutOf(this._link), () => this._lookAfter())
  }

  _lookAfter () {
    clearTimeout(this._timer)
    if (!this._isStarted || !this._hasListeners) return
    const wait = this._isConnected ? GRAPE_WATCH : waitAfter(++this._failures, ANNOUNCE_AGAIN)
    this._timer = setTimeout(() => this._look(), wait).unref()
  }
}

/**
 * A grape rejects this unknown request with an error code; other programs may reply anything. A user's `_post` may
 * return anything.
 */
function isGrape (type, err, data) {
  if (err) return type !== PROBE_TYPE || /^ERR_/.test(err.message)
  if (type === PROBE_TYPE) return typeof data !== 'string' || /^ERR_/.test(data)
  const refusal = refusalOf(type, data)
  return refusal === null || refusal.code !== TEXT.GRAPE_ANSWER || type === 'put'
}

function timeoutOf ({ conf }) {
  return OPTIONS.Link.requestTimeout.of(conf.requestTimeout)
}

const EVENTS = ['connect', 'disconnect', 'error']

module.exports = LinkState
