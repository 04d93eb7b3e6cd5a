'use strict'

// The memory cost of replies that wait for others: the results of a `map`.

/** Cost of the reply in delivery, in bytes; 0 for a small one. */
let cost = 0

/** Calls `act` to deliver a reply with this cost. */
function handOver (bytes, act) {
  cost = bytes
  try {
    act()
  } finally {
    cost = 0
  }
}

/** Replies that are kept together, counted in a memory budget. */
class Kept {
  constructor (budget) {
    this._budget = budget
    this._bytes = 0
  }

  /** Keeps the reply in delivery; returns false if the budget has no room for it. */
  add () {
    if (cost === 0) return true
    if (!this._budget.take(cost)) return false
    this._bytes += cost
    return true
  }

  /** The caller has them now: gives the bytes back. */
  end () {
    if (this._bytes > 0) this._budget.giveBack(this._bytes)
    this._bytes = 0
  }
}

module.exports = { Kept, handOver }
