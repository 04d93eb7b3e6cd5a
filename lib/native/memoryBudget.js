'use strict'

// How much memory the connections of a peer may hold together; src/net/budget.rs counts.

const { Budget } = require('./addon')
const { OPTIONS } = require('../options/optionTable')

/** By peer; a transport without a peer has its own. */
const budgets = new WeakMap()

/** The budget of a transport's connections: `conf.memoryBudget` bytes, 0 for no limit. */
function budgetOf (transport) {
  const owner = transport.client || transport
  if (!budgets.has(owner)) budgets.set(owner, new Budget(OPTIONS.Peer.memoryBudget.of(transport.conf.memoryBudget)))
  return budgets.get(owner)
}

module.exports = budgetOf
