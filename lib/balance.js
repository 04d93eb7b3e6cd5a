'use strict'

// How a client chooses among the destinations of a key: `conf.balance`.

const { kWaiting } = require('./internal')
const { OPTIONS } = require('./option-table')

/** Each in turn, by the order of their names: that of a lookup differs from one to the next. */
class RoundRobin {
  constructor () {
    /** Who was chosen last, by key. */
    this._last = new Map()
  }

  choose (dests, key) {
    const last = this._last.get(key)
    // Not all clients begin with the same one.
    const dest = last === undefined ? dests[Math.floor(Math.random() * dests.length)] : after(last, dests)
    this._last.set(key, dest)
    return dest
  }
}

function after (last, dests) {
  let first = dests[0]
  let next
  for (const dest of dests) {
    if (dest < first) first = dest
    if (dest > last && (next === undefined || dest < next)) next = dest
  }
  return next === undefined ? first : next
}

/** The one with the fewest requests under way, any of those that are equal. */
class LeastPending {
  choose (dests, key, tpool) {
    let least = []
    let fewest = Infinity
    for (const dest of dests) {
      const pending = pendingOf(tpool.list(dest))
      if (pending < fewest) {
        fewest = pending
        least = []
      }
      if (pending === fewest) least.push(dest)
    }
    return least[Math.floor(Math.random() * least.length)]
  }
}

function pendingOf (transports) {
  return transports.reduce((sum, transport) => sum + (transport[kWaiting] || 0), 0)
}

const BALANCERS = {
  /** As every peer chooses. */
  random: () => null,
  'round-robin': () => new RoundRobin(),
  'least-pending': () => new LeastPending()
}

/** What chooses by this name; null for `random`. */
function balancerOf (name) {
  return BALANCERS[OPTIONS.PeerRPCClient.balance.of(name)]()
}

module.exports = { balancerOf }
