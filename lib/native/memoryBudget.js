'use strict'

// How much memory the connections of a peer may hold together; src/net/budget.rs counts.

const { UNSEEN_COST } = require('../options/defaults')
const { OPTIONS } = require('../options/optionTable')
const { Budget } = require('./addon')
const { core } = require('./core')

/** By peer; a transport without a peer has its own. */
const budgets = new WeakMap()

/** The budget of a transport's connections: `conf.memoryBudget` bytes, 0 for no limit. */
function budgetOf (transport) {
  const owner = transport.client || transport
  if (!budgets.has(owner)) budgets.set(owner, new Budget(OPTIONS.Peer.memoryBudget.of(transport.conf.memoryBudget)))
  return budgets.get(owner)
}

/** The memory cost of a parsed message, in bytes; small messages are not examined. */
function costOf (data) {
  return data.length > UNSEEN_COST && (typeof data === 'string' || Buffer.isBuffer(data)) ? core.cost(data) : 0
}

module.exports = { budgetOf, costOf }
