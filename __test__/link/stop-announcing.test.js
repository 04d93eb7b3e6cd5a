'use strict'

// `link.promises.stopAnnouncing`: resolves when the grapes were told.

const assert = require('node:assert')
const { each } = require('../helpers/conformance')
const { ask } = require('../../scripts/lib/grape-api')
const { startGrapes } = require('../../scripts/lib/grapes')
const { freePort } = require('../../scripts/lib/ports')
const { fail, standIn, startLink } = require('../helpers/grapes/stand-in')

const better = { better: true }
const types = grape => grape.requests.map(({ type }) => type)

each('C413: stopAnnouncing of the promises resolves when the grape has answered', async ({ implementation, stage }) => {
  let release
  const grape = await standIn(stage, ({ type }, res) => {
    if (type !== 'unannounce') return 1
    release = () => res.end('1')
  })
  const { promises } = startLink(stage, implementation, grape.url)
  await promises.startAnnouncing('key', 1)
  let isOver = false
  const stopped = promises.stopAnnouncing('key', 1).then(result => {
    isOver = true
    return result
  })
  await grape.arrived(2)
  await new Promise(resolve => setImmediate(resolve))
  assert.strictEqual(isOver, false)
  release()
  assert.strictEqual(await stopped, true)
  assert.deepStrictEqual(types(grape), ['announce', 'unannounce'])
}, better)

each('C413: after it grapes find nothing any more', async ({ implementation, stage }) => {
  const network = await startGrapes(false, {}, implementation.Grape)
  stage.after(network.stop)
  const link = startLink(stage, implementation, network.urls[0])
  const port = await freePort()
  for (let times = 0; times < 3; times++) {
    await link.promises.startAnnouncing('key', port)
    assert.deepStrictEqual(await ask(network.urls[0], 'lookup', 'key'), [`127.0.0.1:${port}`])
    assert.strictEqual(await link.promises.stopAnnouncing('key', port), true)
    const since = performance.now()
    while ((await ask(network.urls[1], 'lookup', 'key')).length > 0) assert(performance.now() - since < 5000, 'it is still found')
  }
}, better)

each('C413: it resolves with false for what is not announced', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => 1)
  const link = new implementation.Link({ grape: grape.url })
  assert.strictEqual(await link.promises.stopAnnouncing('key', 1), false)
  link.start()
  stage.after(() => link.stop())
  assert.strictEqual(await link.promises.stopAnnouncing('key', 1), false)
  await link.promises.startAnnouncing('key', 1)
  assert.strictEqual(await link.promises.stopAnnouncing('key', 1), true)
  assert.strictEqual(await link.promises.stopAnnouncing('key', 1), false)
  assert.strictEqual(await link.promises.stopAnnouncing('key', 2), false)
}, better)

each('C413: it waits for an announce that is under way', async ({ implementation, stage }) => {
  const held = []
  const grape = await standIn(stage, ({ type }, res) => {
    if (type === 'announce') held.push(res)
    else return 1
  })
  const { promises } = startLink(stage, implementation, grape.url)
  const started = promises.startAnnouncing('key', 1)
  const stopped = promises.stopAnnouncing('key', 1)
  await grape.arrived(1)
  held[0].end('1')
  assert.deepStrictEqual(await Promise.all([started, stopped]), [true, true])
  assert.deepStrictEqual(types(grape), ['announce', 'unannounce'])
}, better)

for (const [what, answer] of [['an error with status 200', () => 'ERR_REQ_NOTFOUND'], ['status 404', fail(404, 'Not Found')], ['status 500', fail(500, 'ERR_BROKEN')]]) {
  each(`C413: a grape that answers ${what} was told`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, (request, res) => request.type === 'announce' ? 1 : answer(request, res))
    const { promises } = startLink(stage, implementation, grape.url)
    await promises.startAnnouncing('key', 1)
    assert.strictEqual(await promises.stopAnnouncing('key', 1), true)
  }, better)
}

each('C413: it rejects when no grape answers, and it is announced no more all the same', async ({ implementation, stage }) => {
  const grape = await standIn(stage, ({ type }) => type === 'announce' ? 1 : undefined)
  const link = startLink(stage, implementation, grape.url, { requestTimeout: 100 })
  await link.promises.startAnnouncing('key', 1)
  await assert.rejects(link.promises.stopAnnouncing('key', 1), { message: 'ERR_TIMEOUT' })
  assert.strictEqual(link.stats().announced, 0)
  await link.promises.startAnnouncing('key', 1)
  const stopped = link.promises.stopAnnouncing('key', 1)
  link.stop()
  // What was begun to be told goes on.
  await assert.rejects(stopped, { message: 'ERR_TIMEOUT' })
}, better)

each('C413: where nobody is to be told it resolves at once', async ({ implementation, stage }) => {
  let works = true
  const grape = await standIn(stage, (request, res) => works ? 1 : fail(500, 'ERR_BROKEN')(request, res))
  const quiet = startLink(stage, implementation, grape.url, { unannounce: false })
  await quiet.promises.startAnnouncing('key', 1)
  assert.strictEqual(await quiet.promises.stopAnnouncing('key', 1), true)
  // Another link announces the same.
  const [link, other] = [startLink(stage, implementation, grape.url), startLink(stage, implementation, grape.url)]
  await link.promises.startAnnouncing('key', 1)
  await other.promises.startAnnouncing('key', 1)
  assert.strictEqual(await link.promises.stopAnnouncing('key', 1), true)
  // The grape never took it.
  works = false
  await assert.rejects(link.promises.startAnnouncing('new', 1, { retry: 1 }), /ERR_BROKEN/)
  assert.strictEqual(await link.promises.stopAnnouncing('new', 1), true)
  assert.deepStrictEqual(types(grape), ['announce', 'announce', 'announce', 'announce'])
}, better)

each('C413: a subclass that replaces stopAnnouncing is called', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => 1)
  const seen = []
  class Own extends implementation.Link {
    stopAnnouncing (key, port) {
      seen.push([key, port])
      return super.stopAnnouncing(key, port)
    }

    stopAnnouncingPort () {}
    whenTold () {}
  }
  const link = startLink(stage, { Link: Own }, grape.url)
  await link.promises.startAnnouncing('key', 1)
  assert.strictEqual(await link.promises.stopAnnouncing('key', 1), true)
  assert.deepStrictEqual([seen, types(grape)], [[['key', 1]], ['announce', 'unannounce']])
}, better)
