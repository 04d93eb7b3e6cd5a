'use strict'

const { freePort, withChildren } = require('../lib/processes')
const { HELLO } = require('../lib/payloads')

/** `count` requests in one turn without a connection, and again when those are done. */
function measureBursts ({ server, client }, { count }) {
  return withChildren(async ({ peer }) => {
    const port = await freePort()
    const serving = peer(server, 'server', port)
    await serving.ready
    const asking = peer(client, 'client', port)
    const burst = async () => {
      const before = await serving.ask('usage')
      const result = await asking.ask('burst', { count, payload: HELLO })
      const after = await serving.ask('usage')
      return { ...result, perSecond: count / result.seconds, serverCpu: (after.cpu - before.cpu) / count }
    }
    const cold = await burst()
    const warm = await burst()
    return {
      'cold requests/s': cold.perSecond,
      'warm requests/s': warm.perSecond,
      'warm p50 us': warm.p50,
      'warm p99 us': warm.p99,
      'warm client CPU us': warm.cpu,
      'warm server CPU us': warm.serverCpu
    }
  })
}

module.exports = { measureBursts }
