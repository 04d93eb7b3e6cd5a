'use strict'

// What answers cost that are kept until others have come: the results of a `map`.

/** Of the answer that is being handed over, in bytes; 0 for a small one. */
let cost = 0

/** Calls `act` with an answer that costs so much. */
function handOver (bytes, act) {
  cost = bytes
  try {
    act()
  } finally {
    cost = 0
  }
}

/** Answers that are kept together, and count in a memory budget. */
class Kept {
  constructor (budget) {
    this._budget = budget
    this._bytes = 0
  }

  /** The answer that is being handed over is kept; false: there is no room for it. */
  add () {
    if (cost === 0) return true
    if (!this._budget.take(cost)) return false
    this._bytes += cost
    return true
  }

  /** Whoever gets them keeps them now. */
  end () {
    if (this._bytes > 0) this._budget.giveBack(this._bytes)
    this._bytes = 0
  }
}

module.exports = { Kept, handOver }
