'use strict'

const { freePort, withChildren } = require('../lib/processes')
const { HELLO } = require('../lib/payloads')

/** The longest stall of the server's event loop while `count` requests arrive at once. */
function measureStall ({ server }, { count, warm }) {
  return withChildren(async ({ peer, rust }) => {
    const port = await freePort()
    const serving = peer(server, 'server', port)
    await serving.ready
    const client = rust('client', port)
    await client.ask('loop', { inFlight: 64, payload: HELLO, seconds: warm })
    await serving.ask('watch')
    await client.ask('burst', { count, payload: HELLO })
    return { 'longest stall ms': (await serving.ask('stalled')).ms }
  })
}

module.exports = { measureStall }
