'use strict'

// What a link has begun before it is stopped.

const assert = require('node:assert')
const { call, each } = require('../helpers/conformance')
const { certificates } = require('../../scripts/lib/certificates')
const { fail, standIn, startLink } = require('../helpers/grapes/stand-in')
const { until } = require('../helpers/until')

const WAYS = {
  http: {},
  https: { secure: certificates().server, conf: { tls: { ca: certificates().server.ca } } }
}

/** Requests that change something. */
const CHANGES = [['put', { v: 'a' }], ['announce', 'key', 5, {}], ['request', 'own_type', 1, {}]]

for (const [way, { secure, conf }] of Object.entries(WAYS)) {
  each(`C485: what changes something and was begun before stop() is answered, ${way}`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, ({ type }) => type, secure)
    const link = startLink(stage, implementation, grape.url, conf)
    const begun = CHANGES.map(args => call(link, ...args))
    // No connection is open so far.
    link.stop()
    const answers = await Promise.all(begun)
    assert.deepStrictEqual(answers, ['put', 'announce', 'own_type'].map(res => ({ err: null, res })))
    assert.strictEqual(grape.requests.length, 3)
  }, { better: secure !== undefined })

  each(`C486: its connection closes with it, ${way}`, async ({ implementation, stage }) => {
    const ends = []
    const grape = await standIn(stage, (request, res) => { ends.push(() => res.end('1')) }, secure)
    const link = startLink(stage, implementation, grape.url, conf)
    const begun = CHANGES.map(args => call(link, ...args))
    await grape.arrived(3)
    link.stop()
    for (const end of ends) end()
    for (const { err } of await Promise.all(begun)) assert.strictEqual(err, null)
    const since = performance.now()
    await until(() => grape.open === 0)
    // Far below the time that connections are kept (4 s).
    assert(performance.now() - since < 1000)
  }, { better: true })
}

each('C485: without an answer it ends by its timeout', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => {})
  const link = startLink(stage, implementation, grape.url, { requestTimeout: 300 })
  const begun = call(link, 'put', { v: 'a' })
  link.stop()
  assert.strictEqual((await begun).err.message, 'ERR_TIMEOUT')
}, { better: true })

each('C486: it is not tried again', async ({ implementation, stage }) => {
  const grape = await standIn(stage, fail(500, 'ERR_BROKEN'))
  const link = startLink(stage, implementation, grape.url)
  const begun = call(link, 'announce', 'key', 5, { retry: 5 })
  link.stop()
  assert.strictEqual((await begun).err.message, 'ERR_BROKEN')
  assert.strictEqual(grape.requests.length, 1)
}, { better: true })

each('C486: while it waits to be tried again it ends at once', async ({ implementation, stage }) => {
  const grape = await standIn(stage, fail(500, 'ERR_BROKEN'))
  const link = startLink(stage, implementation, grape.url)
  let waits = false
  const interval = () => { waits = true; return 60000 }
  const begun = call(link, 'announce', 'key', 5, { retry: { times: 2, interval } })
  await until(() => waits)
  link.stop()
  assert.strictEqual((await begun).err.message, 'ERR_TRANSPORT_CLOSE')
}, { better: true })

each('C486: what is begun afterwards, and what only reads, is refused', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => {})
  const link = startLink(stage, implementation, grape.url)
  const begun = [call(link, 'lookup', 'key'), call(link, 'get', 'hash')]
  await grape.arrived(2)
  link.stop()
  begun.push(call(link, 'put', { v: 'a' }))
  for (const { err } of await Promise.all(begun)) assert.strictEqual(err.message, 'ERR_TRANSPORT_CLOSE')
}, { better: true })
