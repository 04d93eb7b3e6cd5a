'use strict'

// The other side's process ends at once, without a word.

const assert = require('node:assert')
const { asTexts, certificates } = require('../../scripts/lib/certificates')
const { call } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')
const { Calls, fault, start, startServer, until } = require('../helpers/peers/faulty')
const { told } = require('../helpers/peers/subscribers')

/** Much longer than the test's own limit: nothing here ends by a timeout. */
const LONG = { timeout: 600000 }

const WAYS = [
  ['plain', () => ({}), () => ({})],
  ['TLS', () => ({ secure: asTexts(certificates().server) }), () => ({ secure: certificates().client })]
]

for (const [way, ofServer, ofClient] of WAYS) {
  fault(`a killed server's callers hear ERR_TRANSPORT_CLOSE, each once, ${way}`, async (stage, implementation) => {
    const server = await startServer(stage, { handler: 'keep', ...ofServer() })
    const peer = stage.client(implementation, server.dest, ofClient())
    const calls = new Calls()
    for (let at = 0; at < 500; at++) peer.request('key', at, LONG, calls.next())
    await until(async () => (await server.ask('asked')).length === 500)
    assert.strictEqual(calls.open, 500)
    await server.kill()
    await calls.done()
    assert.deepStrictEqual(calls.outcomes, { ERR_TRANSPORT_CLOSE: 500 })
    assert.strictEqual(calls.twice, 0)
    // Who asks now hears that there is nobody.
    assert.strictEqual((await call(peer, 'request', 'key', 1, {})).err.code, 'ECONNREFUSED')
  })
}

fault('requests that a killed server had go elsewhere with retry', async (stage, implementation) => {
  const killed = await startServer(stage, { handler: 'keep' })
  const other = await startServer(stage)
  const peer = stage.client(implementation, [killed.dest, other.dest])
  const calls = new Calls()
  for (let at = 0; at < 300; at++) peer.request('key', at, { ...LONG, retry: 3 }, calls.next())
  const taken = async server => (await server.ask('asked')).length
  await until(async () => await taken(killed) + await taken(other) === 300)
  assert.notStrictEqual(await taken(killed), 0)
  await killed.kill()
  await calls.done()
  assert.deepStrictEqual(calls.results.map(({ res }) => res), Array.from({ length: 300 }, (_, at) => at))
  assert.strictEqual(calls.twice, 0)
  // None was asked again that was answered already.
  const asked = await other.ask('asked')
  assert.strictEqual(new Set(asked).size, asked.length)
})

fault('a map over a killed server ends with its error, once', async (stage, implementation) => {
  const killed = await startServer(stage, { handler: 'keep' })
  const other = await startServer(stage)
  const peer = stage.client(implementation, [killed.dest, other.dest])
  const calls = new Calls()
  for (let at = 0; at < 20; at++) peer.map('key', at, LONG, calls.next())
  await until(async () => (await killed.ask('asked')).length === 20)
  await killed.kill()
  await calls.done()
  assert.deepStrictEqual(calls.outcomes, { ERR_TRANSPORT_CLOSE: 20 })
  assert.strictEqual(calls.twice, 0)
})

fault('a killed client leaves nothing on its server', async (stage, implementation) => {
  const handlers = []
  const service = await stage.serve(implementation, (rid, key, payload, handler) => handlers.push(handler))
  const client = start(stage, { role: 'client', dest: service.dest })
  await client.ask('send', 50)
  await until(() => handlers.length >= 50)
  assert.strictEqual(service.socket.clients.size, 3)
  await client.kill()
  await until(() => service.socket.clients.size === 0)
  for (const handler of handlers) handler.reply(null, 'too late')
  const peer = stage.client(implementation, service.dest)
  const asked = call(peer, 'request', 'key', 1, {})
  await until(() => handlers.length >= 51)
  handlers[50].reply(null, 'in time')
  assert.deepStrictEqual(await asked, { err: null, res: 'in time' })
})

fault('subscribers of a killed publisher hear what it publishes after its restart', async (stage, implementation) => {
  const port = await freePort()
  const killed = await startServer(stage, { role: 'publisher', port })
  const peer = stage.subscriber(implementation, killed.dest, { reconnect: true })
  const heard = []
  peer.on('message', text => heard.push(parseInt(text)))
  const first = told(peer, 'connected')
  peer.sub('key')
  await first
  await killed.ask('publish', 0, 10, 1000)
  await until(() => heard.length >= 10)
  const lost = told(peer, 'disconnected')
  await killed.kill()
  await lost
  const connected = told(peer, 'connected')
  const restarted = await startServer(stage, { role: 'publisher', port })
  await connected
  await restarted.ask('publish', 10, 20, 1000)
  await until(() => heard.length >= 20)
  assert.deepStrictEqual(heard, Array.from({ length: 20 }, (_, at) => at))
})
