'use strict'

// Announces that say where the service is.

const assert = require('node:assert')
const { call, each } = require('../helpers/conformance')
const { startGrapes } = require('../../scripts/lib/grapes')
const { standIn, startLink } = require('../helpers/grapes/stand-in')
const { until } = require('../helpers/until')
const { testGrapes } = require('../../testing')

const HOST = '10.255.0.5'
const DEST = `${HOST}:1337`

each('C539: announce and startAnnouncing with host announce that address, which every grape finds, until stopAnnouncing', async ({ implementation, stage }) => {
  const network = await testGrapes(2)
  stage.after(() => network.stop())
  const [link, other] = network.urls.map(url => startLink(stage, implementation, url, { lruMaxAgeLookup: 1 }))
  const found = async (key, dests) => {
    for (const one of [link, other]) {
      let last
      for (let tries = 0; tries < 100; tries++) {
        const { err, res } = await call(one, 'lookup', key)
        last = res || []
        assert.ok(res || err.message === 'ERR_GRAPE_LOOKUP_EMPTY')
        if (last.join() === dests.join()) break
        await new Promise(resolve => setTimeout(resolve, 50))
      }
      assert.deepStrictEqual(last, dests)
    }
  }
  assert.strictEqual(await link.promises.announce('once', 1337, { host: HOST }), 1)
  await found('once', [DEST])
  const announced = []
  link.on('announced', about => announced.push(about))
  assert.strictEqual(await link.promises.startAnnouncing('often', 1337, { host: HOST, interval: 50 }), true)
  await until(() => announced.length >= 3)
  assert.deepStrictEqual(announced[0], { key: 'often', port: 1337, host: HOST, nodes: 1 })
  await found('often', [DEST])
  assert.strictEqual(await link.promises.stopAnnouncing('often', 1337), true)
  await found('often', [])
  // A service that asks the others of its name does not ask itself.
  const peer = new implementation.PeerRPCClient(link, {})
  peer.init()
  stage.after(() => peer.stop())
  assert.deepStrictEqual(await peer.map('once', 1, { self: false }), [])
}, { better: true })

each('C540: grapes of the original refuse host, by a clear error of promises and callbacks, and announce nothing', async ({ implementation, stage }) => {
  const grapes = await startGrapes()
  stage.after(() => grapes.stop())
  const link = startLink(stage, implementation, grapes.urls[0])
  const refusal = { code: 'ERR_GRAPE_ANNOUNCE_HOST', message: /^ERR_GRAPE_ANNOUNCE_HOST: a grape of the original/ }
  await assert.rejects(link.promises.announce('key', 1337, { host: HOST }), refusal)
  await assert.rejects(link.promises.startAnnouncing('key', 1337, { host: HOST }), refusal)
  link.stopAnnouncing('key', 1337)
  const { err } = await call(link, 'announce', 'key', 1337, { host: HOST })
  assert.strictEqual(err.code, 'ERR_GRAPE_ANNOUNCE_HOST')
  const first = await new Promise(resolve => link.startAnnouncing('key', 1337, { host: HOST }, resolve))
  assert.strictEqual(first.code, 'ERR_GRAPE_ANNOUNCE_HOST')
  assert.strictEqual((await call(link, 'lookup', 'key')).err.message, 'ERR_GRAPE_LOOKUP_EMPTY')
}, { better: true })

each('C539: host is an IPv4 address of one host, and goes to any of several grapes', async ({ implementation, stage }) => {
  const network = await testGrapes(1)
  stage.after(() => network.stop())
  const link = startLink(stage, implementation, network.url)
  for (const host of ['example.org', '::1', '10.0.0', 5, true, {}]) {
    assert.throws(() => link.announce('key', 1, { host }), { code: 'ERR_OPTION', option: 'host' })
    assert.throws(() => link.startAnnouncing('key', 1, { host }), { code: 'ERR_OPTION', option: 'host' })
  }
  for (const host of ['0.0.0.0', '224.0.0.1', '255.255.255.255']) {
    await assert.rejects(link.promises.announce('key', 1, { host }), { code: 'ERR_GRAPE_SERVICE_HOST' })
  }
  await assert.rejects(link.promises.announce('key', 0, { host: HOST }), { code: 'ERR_GRAPE_SERVICE_PORT' })
  // One on another machine would announce its own address without it.
  const away = await standIn(stage, () => 1)
  const several = startLink(stage, implementation, ['http://127.0.0.1:1', away.url.replace('127.0.0.1', 'localhost')])
  assert.strictEqual((await call(several, 'announce', 'key', 1, { retry: 1 })).err.code, 'ECONNREFUSED')
  assert.strictEqual((await call(several, 'announce', 'key', 1, { retry: 1, host: HOST })).res, 1)
  assert.deepStrictEqual(away.requests[0].data, { key: 'key', port: 1, host: HOST })
}, { better: true })
