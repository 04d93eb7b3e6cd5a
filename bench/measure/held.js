'use strict'

const { freePort, withChildren } = require('../lib/processes')
const { HELLO } = require('../lib/payloads')
const { sleep } = require('../lib/sleep')

const MIB = 1024 * 1024

/** Growth of the client's memory with `count` pending requests. */
function measureHeld ({ client }, { count }) {
  return withChildren(async ({ peer, rust }) => {
    const port = await freePort()
    const silent = rust('silent', port)
    await silent.ready
    const asking = peer(client, 'client', port)
    const before = await asking.ask('usage', { gc: true })
    await asking.ask('hold', { count, payload: HELLO })
    let heard = 0
    while (heard < count) {
      await sleep(0.05)
      heard = (await silent.ask('usage')).heard
    }
    const grown = ({ rss }) => (rss - before.rss) / MIB
    return {
      MiB: grown(await asking.ask('usage')),
      'MiB after collection': grown(await asking.ask('usage', { gc: true }))
    }
  })
}

module.exports = { measureHeld }
