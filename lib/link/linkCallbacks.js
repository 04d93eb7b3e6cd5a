'use strict'

// Exceptions in callbacks of a link. Services were written for a link that calls back within a promise: with a
// grape's answer the exception is dropped, and without one it becomes an unhandled rejection. It is the same here,
// except that nothing is dropped silently. For a cached answer, and an answer of a user's `_post`, the callback runs
// outside these rules: the caller gets the exception.

const { MAX_WARNED_PLACES, STACK_FRAMES } = require('../options/defaults')
const { TEXT } = require('../errors/errors')
const { lead } = require('../errors/failure')
const { framesOf, placeIn, stackOf } = require('../errors/stackFrames')
const { kEvents } = require('../util/symbols')
const { inLine } = require('../errors/printable')

const ANSWERED = 1
const UNANSWERED = 2

/** The kind of the callback that runs now; 0: one without these rules. */
let telling = 0

/** Where the request was made whose callback runs now. */
let asking = null

/** Calls back with a grape's answer. */
function answered (cb, err, res) {
  tell(ANSWERED, cb, err, res)
}

/** Calls back with an error because no answer came. */
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

/** Wraps `cb(err, res)` of a link's request, for the rules above. */
function guarded (link, type, payload, cb) {
  // Formatted only if the callback throws.
  const site = {}
  const { stackTraceLimit } = Error
  // A client's Promise alone has ten frames of this package. By reflection, since the property may be frozen.
  if (stackTraceLimit >= STACK_FRAMES.node) Reflect.set(Error, 'stackTraceLimit', stackTraceLimit + STACK_FRAMES.own)
  Error.captureStackTrace(site, guarded)
  if (stackTraceLimit >= STACK_FRAMES.node) Reflect.set(Error, 'stackTraceLimit', stackTraceLimit)
  return (err, res) => {
    const before = telling
    // Without the link's stop, the grape's answer would have called back.
    const isEnd = before === 0 && err && err.message === TEXT.TRANSPORT_CLOSE
    const what = isEnd ? ANSWERED : before
    // Nested callbacks may have a caller who expects the exception.
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

/** An error for the callback of a link's request, with a stack that leads to where that was made. */
function led (err) {
  return asking === null ? err : lead(err, asking)
}

/** Reports the exception as a warning, once for each throwing code position; it ends nothing. */
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
