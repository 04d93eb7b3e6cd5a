'use strict'

const { monotonic } = require('../util/clock')
const { Meter: NativeMeter } = require('../native/addon')
const { core } = require('../native/core')
const { TEXT } = require('../errors/errors')
const { refusalOf } = require('./grapeAnswers')

/** Implements `link.stats()`: counts a link's requests by type, and its exchanges. */
class LinkMeter {
  constructor () {
    this._latency = new NativeMeter()
    this._exchanges = counts()
    this._requests = new Map()
  }

  /** Wraps `cb` of a request that no cache answers. */
  request (type, cb) {
    let requests = this._requests.get(type)
    if (requests === undefined) this._requests.set(type, requests = counts())
    return counted(requests, type, cb)
  }

  /** Wraps `cb` of an exchange with one grape. */
  exchange (type, cb) {
    const since = monotonic()
    return counted(this._exchanges, type, (err, data) => {
      if (!err || typeof err.code === 'number') this._latency.record(monotonic() - since)
      cb(err, data)
    })
  }

  read () {
    const { latency } = core.stats(this._latency)
    const requests = {}
    for (const [type, counts] of this._requests) requests[type] = { ...counts }
    return { requests, exchanges: { ...this._exchanges }, latency }
  }
}

function counts () {
  return { started: 0, succeeded: 0, failed: 0, timedOut: 0, pending: 0 }
}

/** Wraps `cb` of a request that `counts` has as pending until it is called. A grape's refusal is a failure. */
function counted (counts, type, cb) {
  counts.started++
  counts.pending++
  return (err, res) => {
    counts.pending--
    if (!err && refusalOf(type, res) === null) counts.succeeded++
    else if (!err) counts.failed++
    else if (err.message === TEXT.TIMEOUT) counts.timedOut++
    else counts.failed++
    cb(err, res)
  }
}

module.exports = LinkMeter
