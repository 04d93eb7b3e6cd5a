'use strict'

// A grape's process is killed, and started again.

const assert = require('node:assert')
const { call } = require('../helpers/conformance')
const { freePort, freeUdpPort } = require('../../scripts/lib/ports')
const { Calls, fault, start, startServer, until } = require('../helpers/peers/faulty')

/** `up()` starts the grapes at their ports, and resolves with their process. */
async function network (stage) {
  const ports = {
    dht: [await freeUdpPort(), await freeUdpPort()],
    api: [await freePort(), await freePort()]
  }
  return {
    url: `http://127.0.0.1:${ports.api[0]}`,
    async up () {
      const grapes = start(stage, ports, { script: 'faulty-grape.js' })
      await grapes.told('ready')
      return grapes
    }
  }
}

fault('while the grape is gone lookups fail and connections go on; then it is announced again by itself', async (stage, { Link, PeerRPCClient }) => {
  const { url, up } = await network(stage)
  let grapes = await up()
  const server = await startServer(stage, { grape: url, key: 'faults_grape' })
  assert.strictEqual(await server.told('announced'), null)

  const link = new Link({ grape: url, lruMaxAgeLookup: 600000 }).start()
  const fresh = new Link({ grape: url, lruMaxAgeLookup: 1 }).start()
  const peers = [link, fresh].map(one => new PeerRPCClient(one, {}))
  stage.after(() => [...peers, link, fresh].forEach(one => one.stop()))
  for (const peer of peers) {
    peer.init()
    assert.strictEqual((await call(peer, 'request', 'faults_grape', 1, {})).res, 1)
  }

  // With lookups under way.
  const calls = new Calls()
  for (let at = 0; at < 50; at++) fresh.get(String(at).padStart(40, '0'), calls.next())
  await grapes.kill()
  await calls.done()
  assert.strictEqual(calls.twice, 0)

  const unknown = await call(peers[1], 'request', 'faults_unknown', 2, {})
  assert.strictEqual(unknown.err.message, `connect ECONNREFUSED ${url.slice('http://'.length)}`)
  // What was found last is where the server still is.
  for (const peer of peers) assert.strictEqual((await call(peer, 'request', 'faults_grape', 3, {})).res, 3)

  grapes = await up()
  // It knows nobody at first: that is the error until the server has come back.
  await until(async () => {
    const { err, res } = await call(peers[1], 'request', 'faults_grape', 4, {})
    if (err) assert.strictEqual(err.message, 'ERR_GRAPE_LOOKUP_EMPTY')
    return res === 4
  }, 100)
})
