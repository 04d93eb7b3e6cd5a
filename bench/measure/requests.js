'use strict'

const { freePort, withChildren } = require('../lib/processes')
const { makeCertificates } = require('../lib/certificates')
const { HELLO } = require('../lib/payloads')

/**
 * A server and a client. Measures the requests of `seconds`, after `warm` seconds of the same.
 * `load` is the load client: the implementation's own, or the Rust one.
 */
function measureRequests ({ server, client }, { kind = 'loop', payload = HELLO, seconds, warm, tls, load, ...work }) {
  return withChildren(async ({ peer, rust }) => {
    const port = await freePort()
    const more = tls && { certificates: makeCertificates() }
    const serving = peer(server, 'server', port, more)
    await serving.ready
    const asking = load === 'rust' ? rust('client', port) : peer(client, 'client', port, more)
    await asking.ask(kind, { inFlight: 64, payload, ...work, seconds: warm })
    const before = await serving.ask('usage')
    const result = await asking.ask(kind, { payload, ...work, seconds })
    const after = await serving.ask('usage')
    return {
      'requests/s': result.total / result.seconds,
      'p50 us': result.p50,
      'p99 us': result.p99,
      'client CPU us': result.cpu,
      'server CPU us': (after.cpu - before.cpu) / result.total
    }
  })
}

module.exports = { measureRequests }
