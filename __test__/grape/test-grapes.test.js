'use strict'

// `testGrapes`: a network for the tests of services, in one line.

const assert = require('node:assert')
const { test } = require('node:test')
const net = require('net')
const { Link } = require('../..')
const { testGrapes } = require('grenache-nodejs-ws-native/testing')
const { run } = require('../../scripts/lib/child')
const { ask } = require('../../scripts/lib/grape-api')

for (const count of [undefined, 1, 2, 5]) {
  test(`C419: testGrapes(${count === undefined ? '' : count}) resolves when all know each other`, async t => {
    const network = await testGrapes(count)
    t.after(network.stop)
    const expected = count || 2
    assert.deepStrictEqual([network.grapes.length, network.urls.length, network.url], [expected, expected, network.urls[0]])
    for (const [at, url] of network.urls.entries()) {
      assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
      const { dht } = network.grapes[at].address()
      assert.match(dht, /^127\.0\.0\.1:\d+$/)
      // Each is told of by the others at once.
      const status = await (await fetch(`${url}/status`)).json()
      assert.strictEqual(status.known_nodes, expected - 1, url)
    }
    const link = new Link({ grape: network.url }).start()
    t.after(() => link.stop())
    assert.ok(await link.promises.announce('key', 1337) > 0)
    for (const url of network.urls) assert.deepStrictEqual(await ask(url, 'lookup', 'key'), ['127.0.0.1:1337'])
  })
}

test('C419: stop frees the ports, as often as it is called; conf is that of all', async () => {
  const network = await testGrapes(2, { check_maxPayloadSize: 100, dht_port: 1, api_port: 1 })
  for (const grape of network.grapes) assert.strictEqual(grape.conf.check_maxPayloadSize, 100)
  const ports = network.grapes.map(grape => Number(grape.address().api.split(':')[1]))
  await network.stop()
  await network.stop()
  for (const port of ports) {
    const server = net.createServer().listen(port, '127.0.0.1')
    await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject))
    server.close()
  }
})

test('C419: several networks are side by side, and do not know each other', async t => {
  const networks = await Promise.all([testGrapes(), testGrapes()])
  for (const { stop } of networks) t.after(stop)
  const link = new Link({ grape: networks[0].url }).start()
  t.after(() => link.stop())
  await link.promises.announce('key', 1337)
  assert.deepStrictEqual(await ask(networks[1].url, 'lookup', 'key'), [])
})

test('C419: what cannot be started is an error, and nothing is left', async () => {
  for (const count of [0, -1, 1.5, '2', null]) await assert.rejects(testGrapes(count), { code: 'ERR_OPTION' })
  const result = await run(`
    const { testGrapes } = require(pkg + '/testing')
    testGrapes(2, { host: '192.0.2.1' }).catch(err => console.log(err.code))
  `)
  assert.deepStrictEqual(result, { code: 0, signal: null, stdout: 'EADDRNOTAVAIL\n', stderr: '' })
})

test('C419: await using stops it', async () => {
  const result = await run(`
    const { testGrapes } = require(pkg + '/testing')
    testGrapes().then(async network => {
      console.log(network.grapes.map(grape => grape._active).join())
      await (Symbol.asyncDispose ? network[Symbol.asyncDispose]() : network.stop())
      console.log(network.grapes.map(grape => grape._active).join())
    })
  `)
  assert.deepStrictEqual(result, { code: 0, signal: null, stdout: 'true,true\nfalse,false\n', stderr: '' })
})
