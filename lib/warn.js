'use strict'

// Warnings of the process: of what goes wrong where nobody gets an error. Each once, since what goes
// wrong goes wrong again, and strangers may choose how often.

const { MAX_WARNED_CAUSES } = require('./defaults')

/** By whom it is about and the code: the causes that were told. */
const told = new WeakMap()

/**
 * Warns once for each cause of `owner`, as long as there are few of them.
 * @param {object} owner a peer, a transport or a link
 * @param {string} code of the warning
 * @param {string} cause what makes it another one
 * @param {function(): string} say the sentence
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
