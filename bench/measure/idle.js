'use strict'

const { freePort, withChildren } = require('../lib/processes')
const { sleep } = require('../lib/sleep')

/** Connections before the measured ones: the first ones also cause one-time costs. */
const FIRST = 500

/** Seconds until the memory of a process has settled. */
const SETTLE = 0.3

/** Memory of a server's connection that was always idle, and of one that sent a message once. */
function measureIdle ({ server }, { connections }) {
  return withChildren(async ({ peer, rust }) => {
    const port = await freePort()
    const serving = peer(server, 'server', port)
    await serving.ready
    const client = rust('client', port)
    const memory = async () => {
      await sleep(SETTLE)
      return (await serving.ask('usage', { gc: true })).rss
    }
    await client.ask('open', { count: FIRST })
    await client.ask('speak')
    const before = await memory()
    await client.ask('open', { count: connections })
    const open = await memory()
    await client.ask('speak')
    const spoken = await memory()
    return {
      KiB: (open - before) / connections / 1024,
      'KiB after a request': (spoken - before) / connections / 1024
    }
  })
}

module.exports = { measureIdle }
