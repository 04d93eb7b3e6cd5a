'use strict'

// What is thrown in a callback of a link. Services were written against a link that calls back
// within a promise: with an answer of the grape it drops the exception, and without one the
// exception becomes an unhandled rejection. So it is here, but that nothing is dropped silently.
// A kept answer, and an answer of somebody's own `_post`, is called back without that: whoever
// calls gets the exception.

const { MAX_WARNED_PLACES } = require('./defaults')
const { TEXT } = require('./errors')
const { lead } = require('./failure')
const { framesOf, placeIn, stackOf } = require('./frames')
const { kEvents } = require('./internal')
const { inLine } = require('./printable')

const ANSWERED = 1
const UNANSWERED = 2

/** What is being called back now; 0: nothing that these rules hold for. */
let telling = 0

/** Where the request was made whose callback is called now. */
let asking = null

/** Calls back with what a grape answered. */
function answered (cb, err, res) {
  tell(ANSWERED, cb, err, res)
}

/** Calls back with an error for an answer that did not come. */
function unanswered (cb, err) {
  tell(UNANSWERED, cb, err)
}

function tell (what, cb, err, res) {
  const before = telling
  telling = what
  try {
    cb(err, res)
  } finally {
    telling = before
  }
}

/** `cb(err, res)` of a link's request; what it throws is treated as above. */
function guarded (link, type, payload, cb) {
  // Made into a text only for who throws.
  const site = {}
  Error.captureStackTrace(site, guarded)
  return (err, res) => {
    const before = telling
    // What was under way when the link stopped would have been answered by the grape.
    const isEnd = before === 0 && err && err.message === TEXT.TRANSPORT_CLOSE
    const what = isEnd ? ANSWERED : before
    // Whom it calls may have a caller who waits for the exception.
    telling = 0
    const outer = asking
    asking = site
    try {
      cb(err ? lead(err, site) : err, res)
    } catch (thrown) {
      if (what === 0 || link.conf.throwInCallbacks) throw thrown
      if (what === UNANSWERED) Promise.reject(thrown)
      else report(link, thrown, type, payload, site)
    } finally {
      telling = before
      asking = outer
    }
  }
}

/** An error of the callback of a link's request, which leads to where that was made. */
function led (err) {
  return asking === null ? err : lead(err, asking)
}

/** The exception ends nothing, but is told: once for each place that throws. */
function report (link, thrown, type, payload, site) {
  const stack = stackOf(thrown)
  const asked = stackOf(site)
  const place = placeIn(stack) || placeIn(asked)
  if (isNew(place)) {
    const what = thrown instanceof Error ? thrown.message : thrown
    process.emitWarning(`a callback of ${inLine(type)} ${inLine(payload)} threw: ${inLine(what)}`, {
      type: 'GrenacheWarning',
      code: 'ERR_CALLBACK_THREW',
      detail: [stack, 'It was called for', ...framesOf(asked)].join('\n')
    })
  }
  link[kEvents].emit('callback-error', thrown, { type, payload, place })
}

const warned = new Set()

function isNew (place) {
  if (warned.has(place)) return false
  if (warned.size === MAX_WARNED_PLACES) warned.delete(warned.values().next().value)
  warned.add(place)
  return true
}

module.exports = { answered, guarded, led, unanswered }
