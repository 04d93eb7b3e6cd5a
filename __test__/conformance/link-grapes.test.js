'use strict'

// Links at real grapes.

const { after, before } = require('node:test')
const assert = require('node:assert')
const { createHash, createPublicKey, generateKeyPairSync, sign, verify } = require('crypto')
const { promisify } = require('util')
const { call, each, pair } = require('../helpers/conformance')
const { startGrapes } = require('../../scripts/lib/grapes')
const { fail, standIn, startLink } = require('../helpers/grapes/stand-in')

/** What a raw Ed25519 key needs before it to be a key that Node reads. */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex')

let grapes

before(async () => {
  grapes = await startGrapes(false, {
    verify: (signature, message, key) =>
      verify(null, message, createPublicKey({ key: Buffer.concat([SPKI, key]), format: 'der', type: 'spki' }), signature)
  })
})

after(() => grapes.stop())

/** A value of a holder of a key, as a grape wants it. */
function signed (v, seq, salt, keys = generateKeyPairSync('ed25519')) {
  const k = keys.publicKey.export({ format: 'der', type: 'spki' }).subarray(SPKI.length).toString('hex')
  const text = `${salt ? `4:salt${salt.length}:${salt}` : ''}3:seqi${seq}e1:v${v.length}:${v}`
  return { v, k, seq, ...(salt && { salt }), sig: sign(null, Buffer.from(text), keys.privateKey).toString('hex') }
}

each('C170 C176: a key with two ports has two addresses', async ({ implementation, stage }) => {
  const key = `rpc_twice_${implementation.name}`
  const link = startLink(stage, implementation, grapes.urls[0])
  for (const port of [20124, 20125]) {
    assert.ifError(await new Promise(resolve => link.startAnnouncing(key, port, {}, resolve)))
  }
  const { res } = await call(link, 'lookup', key)
  assert.deepStrictEqual(res.sort(), ['127.0.0.1:20124', '127.0.0.1:20125'])
})

each('C172: a key that nobody announces', async ({ implementation, stage }) => {
  const link = startLink(stage, implementation, grapes.urls[0])
  const { err } = await call(link, 'lookup', `rpc_nobody_${implementation.name}`)
  assert.strictEqual(err.message, 'ERR_GRAPE_LOOKUP_EMPTY')
})

each('C37: a port that is none', async ({ implementation, stage }) => {
  const link = startLink(stage, implementation, grapes.urls[0])
  const expected = { err: null, res: 'ERR_GRAPE_SERVICE_PORT' }
  assert.deepStrictEqual(await call(link, 'announce', 'rpc_test', '1337'), expected)
})

each('C38: a request too large for a grape', async ({ implementation, stage }) => {
  const link = startLink(stage, implementation, grapes.urls[0])
  const { err } = await call(link, 'put', { v: 'x'.repeat(10000) })
  assert.strictEqual(err.message, 'ERR_GRAPE_PAYLOAD_SIZE')
  assert.strictEqual(err.code, 413)
})

each('C169: a type that a grape does not know', async ({ implementation, stage }) => {
  const link = startLink(stage, implementation, grapes.urls[0])
  assert.deepStrictEqual(await call(link, 'request', 'unknown', 1, {}), { err: null, res: 'ERR_REQ_NOTFOUND' })
})

each('C182 C184 C188: a value comes back by its hash, from the other grape too', async ({ implementation, stage }) => {
  const v = `hello ${implementation.name}`
  const links = grapes.urls.map(url => startLink(stage, implementation, url))
  const hash = await promisify(links[0].put).bind(links[0])({ v })
  assert.strictEqual(hash, createHash('sha1').update(`${v.length}:${v}`).digest('hex'))
  for (const link of links) {
    const { err, res } = await call(link, 'get', hash)
    assert.ifError(err)
    assert.strictEqual(res.v, v)
  }
})

pair('C182 C184: a value that one has stored, the other reads', async ({ server, client, stage }) => {
  const v = `of ${server.name} for ${client.name}`
  const { res: hash } = await call(startLink(stage, server, grapes.urls[0]), 'put', { v })
  const { res } = await call(startLink(stage, client, grapes.urls[1]), 'get', hash)
  assert.strictEqual(res.v, v)
})

pair('C170 C174: a key that one announces, the other finds', async ({ server, client, stage }) => {
  const key = `rpc_of_${server.name}_for_${client.name}`
  await call(startLink(stage, server, grapes.urls[0]), 'announce', key, 20126)
  const { res } = await call(startLink(stage, client, grapes.urls[1]), 'lookup', key)
  assert.deepStrictEqual(res, ['127.0.0.1:20126'])
})

each('C182 C184: a signed value is replaced by a newer one', async ({ implementation, stage }) => {
  const link = startLink(stage, implementation, grapes.urls[0])
  const keys = generateKeyPairSync('ed25519')
  const first = await call(link, 'put', signed('one', 1, undefined, keys))
  const second = await call(link, 'put', signed('two', 2, undefined, keys))
  assert.ifError(first.err || second.err)
  assert.strictEqual(second.res, first.res)
  const { res } = await call(link, 'get', first.res)
  assert.deepStrictEqual([res.v, res.seq], ['two', 2])
})

each('C184: a salted value comes back by hash and salt', async ({ implementation, stage }) => {
  const link = startLink(stage, implementation, grapes.urls[0])
  const value = signed('salted', 1, 'some salt')
  const { err, res: hash } = await call(link, 'put', value)
  assert.ifError(err)
  const { res } = await call(link, 'get', { hash, salt: 'some salt' })
  assert.deepStrictEqual([res.v, res.k, res.sig, res.seq], ['salted', value.k, value.sig, 1])
})

each('C183: put needs options and a callback', async ({ implementation, stage }) => {
  const link = startLink(stage, implementation, grapes.urls[0])
  const missing = { name: 'Error', message: 'ERR_MISSING_ARGS' }
  assert.throws(() => link.put(), missing)
  assert.throws(() => link.put({ v: 'value' }), missing)
  assert.throws(() => link.put(null, () => {}), missing)
})

each('C184: a hash that nothing is stored under', async ({ implementation, stage }) => {
  const link = startLink(stage, implementation, grapes.urls[0])
  const { err, res } = await call(link, 'get', '00'.repeat(20))
  assert.ifError(err)
  assert.strictEqual(res, '')
})

each('C492: _post returns a Promise that resolves once its callback is called', async ({ implementation, stage }) => {
  const grape = await standIn(stage, ({ type }, res) => type === 'fine' ? 1 : fail(500, 'ERR_BROKEN')(null, res))
  const link = startLink(stage, implementation, grape.url)
  for (const [type, expected] of [['fine', null], ['broken', 'ERR_BROKEN']]) {
    let told
    await link._post(`${grape.url}/${type}`, { rid: 'rid', data: 1 }, { timeout: 2000 }, err => { told = err && err.message })
    assert.strictEqual(told, expected)
  }
})
