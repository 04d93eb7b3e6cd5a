'use strict'

// How much memory the connections of a peer may hold together; src/net/budget.rs counts.

const { Budget } = require('./native')
const { CONNECTION } = require('./defaults')
const { amount } = require('./options')

/** By peer; a transport without one has its own. */
const budgets = new WeakMap()

/** The budget of a transport's connections: `conf.memoryBudget` bytes, 0 for any number. */
function budgetOf (transport) {
  const owner = transport.client || transport
  if (!budgets.has(owner)) budgets.set(owner, new Budget(amount(transport.conf.memoryBudget, CONNECTION.memoryBudget)))
  return budgets.get(owner)
}

module.exports = budgetOf
