'use strict'

// A link's connections to grapes: a server that closes waits for them.

const assert = require('node:assert')
const { call, each } = require('../helpers/conformance')
const { certificates } = require('../../scripts/lib/certificates')
const { standIn, startLink } = require('../helpers/grapes/stand-in')
const { until } = require('../helpers/until')

const DESTS = ['127.0.0.1:1337']
/** Far below the time that connections are kept (4 s), or an exchange may take (2.5 s). */
const SOON = 1000

const WAYS = {
  http: {},
  https: { secure: certificates().server, conf: { tls: { ca: certificates().server.ca } } }
}

/** How long it takes until no connection is open, from now on. */
async function ended (grape) {
  const since = performance.now()
  await until(() => grape.open === 0)
  return performance.now() - since
}

for (const [way, { secure, conf }] of Object.entries(WAYS)) {
  each(`C376: stop() closes the connections that were kept, ${way}`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, ({ type }) => type === 'lookup' ? DESTS : 1, secure)
    const link = startLink(stage, implementation, grape.url, conf)
    const announced = call(link, 'announce', 'service', 1337, {})
    assert.deepStrictEqual((await call(link, 'lookup', 'service')).res, DESTS)
    assert.strictEqual((await announced).err, null)
    link.stop()
    const took = await ended(grape)
    assert(took < SOON, `it took ${took} ms`)
  }, { better: true })

  each(`C376: stop() ends what is under way with its connection, ${way}`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, () => {}, secure)
    const link = startLink(stage, implementation, grape.url, conf)
    const looked = call(link, 'lookup', 'service')
    await grape.arrived(1)
    link.stop()
    const took = await ended(grape)
    assert(took < SOON, `it took ${took} ms`)
    assert.strictEqual((await looked).err.message, 'ERR_TRANSPORT_CLOSE')
  }, { better: true })

  each(`C376: what is told while the link stops closes its connection afterwards, ${way}`, async ({ implementation, stage }) => {
    let answer
    const grape = await standIn(stage, ({ type }, res) => {
      if (type !== 'unannounce') return 1
      answer = () => res.end('1')
    }, secure)
    const link = startLink(stage, implementation, grape.url, conf)
    await new Promise(resolve => link.startAnnouncing('service', 1337, {}, resolve))
    link.stopAnnouncing('service', 1337)
    link.stop()
    await until(() => answer)
    answer()
    const took = await ended(grape)
    assert(took < SOON, `it took ${took} ms`)
  }, { better: true })

  each(`C376: another link goes on when one stops, ${way}`, async ({ implementation, stage }) => {
    let answer
    const grape = await standIn(stage, ({ data }, res) => {
      if (data === 'quick') return DESTS
      answer = () => res.end(JSON.stringify(DESTS))
    }, secure)
    const [one, other] = [0, 1].map(() => startLink(stage, implementation, grape.url, conf))
    await call(one, 'lookup', 'quick')
    const slow = call(other, 'lookup', 'slow')
    await until(() => answer)
    one.stop()
    answer()
    assert.deepStrictEqual((await slow).res, DESTS)
    assert.deepStrictEqual((await call(other, 'lookup', 'quick')).res, DESTS)
  }, { better: true })
}
