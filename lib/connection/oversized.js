'use strict'

// Messages above `maxPayload` close their connection with 1009 (RFC 6455 section 7.4.1). The caller gets the reason
// on either side.

const { late, tell } = require('../errors/failure')
const { OPTIONS, TLS } = require('../options/optionTable')
const { TOO_LARGE } = require('../errors/silentMistakes')

const CODE = 1009

/** The close reason of this package's servers for such a message. */
const REASON = /^maxPayload is (\d{1,16})$/

/**
 * The cause of a lost connection, if a message was too large: a reply (`err` is this side's error) or a request.
 * Undefined for other causes.
 */
function ofSize ({ dest, closeCode, transport }, err, reason) {
  if (err && err.message === TOO_LARGE) {
    const { secure, maxPayload } = transport.conf
    const limit = (secure && TLS.client.maxPayload.of(secure.maxPayload)) || OPTIONS.Peer.maxPayload.of(maxPayload)
    return tell(err, {
      dest, closeCode: CODE, limit, hint: 'an answer is larger than conf.maxPayload of this client, or takes more than its memoryBudget'
    })
  }
  if (err || closeCode !== CODE) return undefined
  const [, limit] = REASON.exec(reason) || []
  return late(TOO_LARGE, {
    dest,
    closeCode: CODE,
    limit: limit === undefined ? undefined : Number(limit),
    hint: `a request is larger than what ${dest} takes: ${limit === undefined ? 'see its limits' : `its conf.maxPayload is ${limit} bytes`}`
  })
}

module.exports = { ofSize }
