'use strict'

// How a client chooses among the destinations of a key: `conf.balance`.

const { kWaiting } = require('../util/symbols')
const { OPTIONS } = require('../options/optionTable')

/** Each in turn, sorted by name: the order differs between lookups. */
class RoundRobin {
  constructor () {
    /** The last choice by key. */
    this._last = new Map()
  }

  choose (dests, key) {
    const last = this._last.get(key)
    // Not all clients start with the same one.
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

/** The destination with the fewest pending requests; a random one of several. */
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

/** The balancer with this name; null for `random`. */
function balancerOf (name) {
  return BALANCERS[OPTIONS.PeerRPCClient.balance.of(name)]()
}

module.exports = { balancerOf }
