'use strict'

// What the grapes hear when a service is announced no more.

const assert = require('node:assert')
const cluster = require('cluster')
const { call, each, native, original } = require('../helpers/conformance')
const { ask } = require('../../scripts/lib/grape-api')
const { startGrapes } = require('../../scripts/lib/grapes')
const { freePort } = require('../../scripts/lib/ports')
const { fail, standIn, startLink } = require('../helpers/grapes/stand-in')

const BETTER = { better: true }

/** Nothing more happens for a while. */
const pause = () => new Promise(resolve => setTimeout(resolve, 100))
const types = grape => grape.requests.map(({ type }) => type)
const announced = (link, key, port, opts) => new Promise((resolve, reject) => {
  link.startAnnouncing(key, port, opts, err => err ? reject(err) : resolve())
})

each('C281: stopAnnouncing takes the address back, once', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => 1)
  const link = startLink(stage, implementation, grape.url)
  await announced(link, 'key', 1)
  await announced(link, 'other', 1)
  assert.strictEqual(link.stopAnnouncing('key', 1), undefined)
  assert.strictEqual(link.stopAnnouncing('key', 1), false)
  await grape.arrived(3)
  link.stopAnnouncingPort(1)
  await grape.arrived(4)
  await pause()
  assert.deepStrictEqual(grape.requests.slice(2).map(({ type, data }) => [type, data]), [
    ['unannounce', ['key', 1]], ['unannounce', ['other', 1]]
  ])
}, BETTER)

const ANSWERS = {
  'an error with status 200': () => 'ERR_REQ_NOTFOUND',
  'status 404': fail(404, 'Not Found'),
  'status 500': fail(500, 'ERR_BROKEN'),
  'no JSON': (request, res) => { res.end('<html>') },
  'an end': (request, res) => { res.destroy() },
  nothing: () => {}
}
for (const [what, answer] of Object.entries(ANSWERS)) {
  each(`C281: a grape that answers ${what} to that is no trouble`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, (request, res) => request.type === 'announce' ? 1 : answer(request, res))
    const link = startLink(stage, implementation, grape.url, { requestTimeout: 200 })
    await announced(link, 'key', 1)
    assert.strictEqual(link.stopAnnouncing('key', 1), undefined)
    await grape.arrived(2)
    await announced(link, 'key', 1)
    await pause()
    assert.deepStrictEqual(types(grape), ['announce', 'unannounce', 'announce'])
  }, BETTER)
}

each('C281: what was never announced, or is not to be, is not taken back', async ({ implementation, stage }) => {
  let works = false
  const grape = await standIn(stage, (request, res) => works ? 1 : fail(500, 'ERR_BROKEN')(request, res))
  const link = startLink(stage, implementation, grape.url)
  await assert.rejects(announced(link, 'key', 1, { retry: 1 }), /ERR_BROKEN/)
  link.stopAnnouncing('key', 1)
  works = true
  const quiet = startLink(stage, implementation, grape.url, { unannounce: false })
  await announced(quiet, 'key', 1)
  quiet.stopAnnouncing('key', 1)
  await announced(link, 'key', 1)
  link.stop()
  await pause()
  assert.deepStrictEqual(types(grape), ['announce', 'announce', 'announce'])
}, BETTER)

each('C281: an address is taken back when the last link of the process stops to announce it', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => 1)
  const links = [startLink(stage, implementation, grape.url), startLink(stage, implementation, grape.url)]
  for (const link of links) await announced(link, 'key', 1)
  links[0].stopAnnouncing('key', 1)
  await pause()
  assert.deepStrictEqual(types(grape), ['announce', 'announce'])
  links[1].stopAnnouncing('key', 1)
  await grape.arrived(3)
  assert.deepStrictEqual(types(grape), ['announce', 'announce', 'unannounce'])
}, BETTER)

each('C281: a worker of a cluster takes nothing back: others may share the port', async ({ implementation, stage, t }) => {
  cluster.isWorker = true
  t.after(() => { cluster.isWorker = false })
  const grape = await standIn(stage, () => 1)
  const link = startLink(stage, implementation, grape.url)
  await announced(link, 'key', 1)
  link.stopAnnouncing('key', 1)
  await pause()
  assert.deepStrictEqual(types(grape), ['announce'])
}, BETTER)

each('C282: an announce under way is taken back once it has arrived', async ({ implementation, stage }) => {
  const held = []
  const grape = await standIn(stage, (request, res) => {
    if (request.type !== 'announce') return 1
    held.push(res)
  })
  const link = startLink(stage, implementation, grape.url)
  const first = announced(link, 'key', 1)
  await grape.arrived(1)
  link.stopAnnouncing('key', 1)
  await pause()
  assert.deepStrictEqual(types(grape), ['announce'])
  held[0].end('1')
  await first
  await grape.arrived(2)
  assert.deepStrictEqual(types(grape), ['announce', 'unannounce'])
}, BETTER)

each('C282: an announce that follows waits until the address is taken back', async ({ implementation, stage }) => {
  const held = []
  const grape = await standIn(stage, (request, res) => {
    if (request.type === 'announce') return 1
    held.push(res)
  })
  const link = startLink(stage, implementation, grape.url)
  await announced(link, 'key', 1)
  link.stopAnnouncing('key', 1)
  const again = announced(link, 'key', 1)
  const other = call(link, 'announce', 'key', 1)
  await announced(link, 'key', 2)
  await pause()
  assert.deepStrictEqual(types(grape), ['announce', 'unannounce', 'announce'])
  held[0].end('1')
  await again
  assert.deepStrictEqual(await other, { err: null, res: 1 })
  assert.strictEqual(types(grape)[3], 'announce')
}, BETTER)

for (const { name, Grape } of [native, original]) {
  each(`C281 C282: over grapes of the ${name} kind`, async ({ implementation, stage }) => {
    const { urls, stop } = await startGrapes(false, { host: '127.0.0.1' }, Grape)
    stage.after(stop)
    const link = startLink(stage, implementation, urls[0])
    const found = () => ask(urls[1], 'lookup', 'service')
    await announced(link, 'service', 1337)
    assert.deepStrictEqual(await found(), ['127.0.0.1:1337'])

    for (let times = 0; times < 20; times++) {
      link.stopAnnouncing('service', 1337)
      await announced(link, 'service', 1337)
      assert.deepStrictEqual(await found(), ['127.0.0.1:1337'], 'it is back')
    }

    link.stopAnnouncing('service', 1337)
    if (name === 'native') while ((await found()).length > 0);
    else assert.deepStrictEqual(await found(), ['127.0.0.1:1337'])
  }, BETTER)
}

each('C281: a drained server is found no more', async ({ implementation, stage }) => {
  const { urls, stop } = await startGrapes(false, { host: '127.0.0.1' }, native.Grape)
  stage.after(stop)
  const link = startLink(stage, implementation, urls[0])
  const peer = new implementation.PeerRPCServer(link, {})
  peer.init()
  stage.after(() => peer.stop())
  const service = peer.transport('server')
  const port = await freePort()
  service.listen(port)
  await announced(link, 'service', port)
  await service.stop({ drain: 1000 })
  while ((await ask(urls[1], 'lookup', 'service')).length > 0);
}, BETTER)
