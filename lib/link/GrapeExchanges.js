'use strict'

const { randomUUID } = require('crypto')
const { TEXT, addressOf } = require('../errors/errors')
const { late, tell } = require('../errors/failure')
const { STOPPED_LINK } = require('../errors/hints')
const { debug } = require('../observe/channels')
const { GRAPE_BACKOFF, GRAPE_HEDGE } = require('../options/defaults')
const Backoff = require('../util/Backoff')
const { withDeadline } = require('../util/CallbackQueue')
const { clearTimeout, nextTick, setTimeout } = require('../util/clock')
const { failing } = require('../util/promises')
const { kEmbedded, kGrapeState, kLife, kMeter } = require('../util/symbols')
const { isBroken, isUnavailable, keyOf, noteSender } = require('./grapeResponses')
const { unanswered } = require('./linkCallbacks')
const { isRead } = require('./PendingWork')

/** A link's exchanges with its grapes: which grape is asked, and which one after it. */
class GrapeExchanges {
  constructor (link) {
    this._link = link
    /** Grapes that failed recently. */
    this.backoff = new Backoff(GRAPE_BACKOFF)
  }

  /**
   * Asks a grape, and the next one when that fails; recently failed grapes come last. A read also goes to the next
   * grape when the first one takes long.
   */
  ask (type, payload, timeout, cb) {
    const grapes = this.backoff.sorted(this.grapesFor(type, payload))
    const life = this._link[kLife]
    let asked = 0
    let open = 0
    let timer = null
    let isOver = false
    const finish = (err, data) => {
      if (isOver) return
      isOver = true
      clearTimeout(timer)
      cb(err, data)
    }
    const ask = () => {
      const grape = grapes[asked++]
      open++
      clearTimeout(timer)
      if (asked < grapes.length && isRead(type)) timer = setTimeout(ask, GRAPE_HEDGE).unref()
      this._exchange(`${grape}/${type}`, payload, timeout, (err, data) => {
        open--
        const from = addressOf(grape)
        if (err) err = tell(err, { key: keyOf(type, payload), grape: from })
        else if (type === 'lookup') noteSender(data, from)
        if (debug.enabled) debug('%s at %s: %s', type, grape, err ? err.message : data)
        // The link stopped: the error says nothing about the grape.
        if (life.isOver) return finish(err, data)
        const isAnswered = !err || typeof err.code === 'number'
        if (isUnavailable(err)) this.backoff.fail(grape)
        else this.backoff.succeed(grape)
        const isLast = !isUnavailable(err) || (open === 0 && (isOver || asked >= grapes.length))
        try {
          if (isAnswered) this._link[kGrapeState].heard(grape, type, err, data)
          else if (isLast) this._link[kGrapeState].lost(err)
        } finally {
          // Another grape may still reply.
          if (isLast) finish(err, data)
          else if (!isOver && asked < grapes.length) ask()
        }
      })
    }
    ask()
  }

  /**
   * The grapes for a request. A grape on another machine would record its own address for an announce without a
   * `host`.
   */
  grapesFor (type, payload) {
    if (this._link[kEmbedded]) return [this._link[kEmbedded].url]
    const named = this._link.conf.grape
    const grapes = (Array.isArray(named) ? named : String(named).split(','))
      .map(grape => String(grape).trim().replace(/^ws(s?):\/\//, 'http$1://').replace(/\/+$/, ''))
      .filter((grape, at) => grape !== '' || at === 0)
    if ((type !== 'announce' && type !== 'unannounce') || isElsewhere(payload)) return grapes
    return grapes.filter(grape => hostname(grape) === hostname(grapes[0]))
  }

  /** One exchange, limited by its timeout even when a user's `_post` is not. */
  _exchange (url, payload, timeout, cb) {
    if (!this._link[kEmbedded]) return this._exchangeOnce(url, payload, timeout, cb)
    const ask = cb => this._whenTrusted(timeout, cb, () => this._exchangeOnce(url, payload, timeout, cb))
    // When the process with the embedded grape has exited, another process takes over, and its grape is asked once.
    ask((err, data) => {
      if (!isBroken(err)) return cb(err, data)
      // The grape may have stopped with this link: no takeover.
      if (this._link[kLife].isOver) return cb(late(TEXT.TRANSPORT_CLOSE, { hint: STOPPED_LINK }))
      try {
        this._link[kEmbedded].replace()
      } catch (err) {
        return unanswered(cb, err)
      }
      ask(cb)
    })
  }

  /** Continues once the embedded grape's port is held by a grape of this user or of root. */
  _whenTrusted (timeout, cb, goOn) {
    if (this._link[kEmbedded].isTrusted) return goOn()
    this._link[kEmbedded].ready(withDeadline(timeout, err => err ? unanswered(cb, err) : goOn()))
  }

  _exchangeOnce (url, payload, timeout, cb) {
    // The link may have stopped while this waited for the embedded grape.
    if (this._link[kLife].isOver) return nextTick(cb, late(TEXT.TRANSPORT_CLOSE, { hint: STOPPED_LINK }))
    const type = url.slice(url.lastIndexOf('/') + 1)
    const finish = withDeadline(timeout, this._link[kMeter].exchange(type, cb), unanswered)
    let isTold = false
    const tell = (err, data) => {
      isTold = true
      finish(err, data)
    }
    const post = () => this._link._post(url, { rid: randomUUID(), data: payload }, { timeout }, tell)
    if (type === 'unannounce') return failing(post, err => isTold || unanswered(finish, err))
    try {
      post()
    } catch (err) {
      // The callback threw, called synchronously by a user's `_post`.
      if (isTold) throw err
      unanswered(finish, err)
    }
  }
}

/** Whether an announce names the service's host. */
function isElsewhere (payload) {
  return !!payload && payload.host !== undefined
}

function hostname (url) {
  try {
    return new URL(url).hostname
  } catch (err) {
    return url
  }
}

module.exports = GrapeExchanges
