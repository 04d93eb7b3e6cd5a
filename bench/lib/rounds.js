'use strict'

/**
 * Runs a workload `rounds` times with each implementation in turn, each round in another order.
 * Returns, per implementation, the measurements of each round; null where it failed.
 */
async function runRounds ({ measure, work }, implementations, rounds, onFailure) {
  const names = Object.keys(implementations)
  const seen = Object.fromEntries(names.map(name => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const name of turned(names, round)) {
      try {
        seen[name].push(await measure(implementations[name], work))
      } catch (err) {
        seen[name].push(null)
        onFailure(name, err)
      }
    }
  }
  return seen
}

/** Each comes first once, and each has each neighbour on either side. */
function turned (names, round) {
  const start = round % names.length
  const order = [...names.slice(start), ...names.slice(0, start)]
  return round % 2 ? order.reverse() : order
}

module.exports = { runRounds }
