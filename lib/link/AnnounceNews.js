'use strict'

const { MAX_ERROR_SHOWN } = require('../options/defaults')
const { TEXT, addressOf } = require('../errors/errors')
const { late } = require('../errors/failure')
const { refusalOf } = require('./grapeAnswers')
const { kEvents, kExchanges, kHears } = require('../util/symbols')
const { inLine } = require('../errors/printable')
const warnOnce = require('../errors/warnOnce')

/** Hints by the code of a failure. */
const HINTS = {
  [TEXT.GRAPE_ALONE]: 'a grape of grenache-grape keeps nothing while it knows no other one: start a second one, or one of this package',
  [TEXT.GRAPE_SERVICE_PORT]: 'the port must be a number: call listen() before, and announce service.port',
  ECONNREFUSED: 'no grape listens there',
  [TEXT.GRAPE_ANSWER]: 'what answers there is no grape'
}

/** Reports a link's announces: with events, and if there is no listener with a warning, once for each cause. */
class AnnounceNews {
  constructor (link) {
    this._link = link
  }

  /**
   * Wraps `cb` of one announce of `about`, which is `{ key, port, host }`. A grape's refusal stays a result; for an
   * announce with another host, which the original does not have, it is an error.
   */
  telling (about, cb) {
    return (err, res) => {
      const refusal = err ? null : this.refusalOf(about, res)
      try {
        this._tell(about, err || refusal, res)
        if ((err || refusal) && !hears(cb, err)) this.warn(about, err || refusal)
      } finally {
        if (cb) {
          if (refusal !== null && about.host !== undefined) cb(refusal)
          else cb(err, res)
        }
      }
    }
  }

  /** The Error for an answer that is a refusal; null for a success. */
  refusalOf ({ key, port, host }, answer) {
    const grape = this._grapes
    const err = refusalOf('announce', answer) || nowhere(port)
    if (err === null) return null
    if (host !== undefined && FOREIGN.includes(err.code)) {
      err.message = `${TEXT.GRAPE_ANNOUNCE_HOST}: a grape of the original, or an older one, announces no other host than its own: ${err.message}`
      err.code = TEXT.GRAPE_ANNOUNCE_HOST
    }
    return Object.assign(err, { key, port, ...host !== undefined && { host }, grape })
  }

  /** Warns of a failed announce that nothing else reports. */
  warn (about, err) {
    const events = this._link[kEvents]
    if (isEnd(err) || events.listenerCount('announce-error') > 0) return
    const hint = HINTS[err.code] === undefined ? '' : `; ${HINTS[err.code]}`
    // A grape may choose the text.
    const text = inLine(err.message).slice(0, MAX_ERROR_SHOWN)
    warnOnce(this._link, 'ERR_NOT_ANNOUNCED', `${err.code} ${text}`, () =>
      `${inLine(about.key)} is not announced at port ${inLine(about.port)}: ${text} (${this._grapes})${hint}`
    )
  }

  _tell ({ key, port, host }, err, nodes) {
    const about = { key, port, host }
    const events = this._link[kEvents]
    if (!err) events.emit('announced', { ...about, nodes })
    else if (!isEnd(err)) events.emit('announce-error', err, about)
  }

  /** The addresses of its grapes, without passwords. */
  get _grapes () {
    return this._link[kExchanges].grapesFor('announce').map(addressOf).join(', ')
  }
}

/** The Error for a number at which nothing can listen; grapes accept it. */
function nowhere (port) {
  if (typeof port !== 'number' || (port > 0 && port < 65536)) return null
  return late(TEXT.GRAPE_SERVICE_PORT)
}

/** Codes with which grapes reject an unknown form of announce. */
const FOREIGN = ['ERR_GRAPE_ANNOUNCE', 'ERR_REQ_NOTFOUND']

/** Whether the caller ended it. */
function isEnd (err) {
  return err.code === 'ABORT_ERR' || err.message === TEXT.TRANSPORT_CLOSE
}

/** Whether `cb` gets this failure: an Error always, a refusal only with `kHears`. */
function hears (cb, err) {
  return !!cb && (!!err || cb[kHears] === true)
}

/** Marks `cb` to get refusals too. */
function hearing (cb) {
  cb[kHears] = true
  return cb
}

module.exports = { AnnounceNews, hearing, hears }
