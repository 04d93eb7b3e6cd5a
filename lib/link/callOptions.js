'use strict'

// Options of a link's calls.

const { retryOf } = require('../client/retry')
const { CALLS, OPTIONS } = require('../options/optionTable')

/** Throws for invalid options of a call, before any state is kept. */
function checkCall (opts) {
  if (!opts) return
  retryOf(opts.retry)
  CALLS.link.timeout.of(opts.timeout)
}

/** The timeout of one exchange in ms: the call's, or the link's. */
function timeoutOf (own, conf) {
  return Math.max(0, own ?? OPTIONS.Link.requestTimeout.of(conf.requestTimeout))
}

module.exports = { checkCall, timeoutOf }
