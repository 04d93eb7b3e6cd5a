'use strict'

// Process warnings for failures that no caller gets an error for. Once each, since such failures repeat, and
// strangers may choose how often.

const { MAX_WARNED_CAUSES } = require('../options/defaults')

/** The reported causes, by owner and code. */
const told = new WeakMap()

/**
 * Warns once for each cause of `owner`, up to a limit of causes.
 * @param {object} owner a peer, a transport or a link
 * @param {string} code of the warning
 * @param {string} cause another cause gets another warning
 * @param {function(): string} say makes the message
 */
function warnOnce (owner, code, cause, say) {
  const byCode = told.get(owner) || new Map()
  told.set(owner, byCode)
  const causes = byCode.get(code) || new Set()
  byCode.set(code, causes)
  if (causes.has(cause) || causes.size >= MAX_WARNED_CAUSES) return
  causes.add(cause)
  process.emitWarning(say(), { type: 'GrenacheWarning', code })
}

module.exports = warnOnce
