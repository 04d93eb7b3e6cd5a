'use strict'

// Values that their owner may replace: signed with Node's own ed25519, read by the public key.

const assert = require('node:assert')
const crypto = require('crypto')
const original = require('grenache-grape')
const native = require('../..')
const { call, each } = require('../helpers/conformance')
const { startGrapes } = require('../../scripts/lib/grapes')
const { verify } = require('../helpers/grapes/signed')
const { standIn, startLink } = require('../helpers/grapes/stand-in')

const better = { better: true }
const pair = () => crypto.generateKeyPairSync('ed25519')
const raw = key => key.export({ format: 'der', type: key.type === 'public' ? 'spki' : 'pkcs8' }).subarray(-32)

/** A link, and grapes of one kind. */
async function linked (stage, implementation, Grape = native.Grape) {
  const network = await startGrapes(false, { verify }, Grape)
  stage.after(network.stop)
  return network.urls.map(url => startLink(stage, implementation, url))
}

for (const [kind, { Grape }] of Object.entries({ native, original })) {
  each(`C421: putMutable stores a text that getMutable finds by the public key, with grapes of the ${kind} kind`, async ({ implementation, stage }) => {
    const [link, other] = await linked(stage, implementation, Grape)
    const { privateKey, publicKey } = pair()
    const hash = await link.promises.putMutable({ v: 'first \u00e9', privateKey })
    assert.strictEqual(hash, crypto.createHash('sha1').update(raw(publicKey)).digest('hex'))
    for (const key of [publicKey, privateKey, raw(publicKey), raw(publicKey).toString('hex')]) {
      const { v, seq } = await other.promises.getMutable(key)
      assert.deepStrictEqual([v, seq], ['first \u00e9', 1])
    }
    // It replaces what is there, unless it is told to be older.
    assert.strictEqual(await other.promises.putMutable({ v: 'second', privateKey }), hash)
    assert.deepStrictEqual((await call(link, 'getMutable', publicKey)).res.v, 'second')
    const { err } = await call(link, 'putMutable', { v: 'old', privateKey, seq: 1 })
    assert.ok(err, 'a lower seq is refused')
    const third = await call(link, 'putMutable', { v: 'third', privateKey, seq: 10 }, { timeout: 2000 })
    assert.deepStrictEqual(third, { err: null, res: hash })
    // A grape of the original tells the first that it finds, and not the newest.
    const found = await Promise.all([link, other].map(({ promises }) => promises.getMutable(publicKey, { timeout: 2000, retry: 2 })))
    const newest = found.find(({ seq }) => seq === 10)
    assert.deepStrictEqual([newest.v, newest.k], ['third', raw(publicKey).toString('hex')])
    if (kind === 'native') assert.deepStrictEqual(found.map(({ seq }) => seq), [10, 10])
  }, better)
}

each('C421: a salt names one of several values of a key', async ({ implementation, stage }) => {
  const [link, other] = await linked(stage, implementation)
  const { privateKey, publicKey } = pair()
  const hashes = await Promise.all(['', 'a', 'b \u00fc'].map(salt => link.promises.putMutable({ v: `of ${salt}`, salt, privateKey })))
  assert.strictEqual(new Set(hashes).size, 3)
  for (const salt of ['', 'a', 'b \u00fc']) assert.strictEqual((await other.promises.getMutable(publicKey, { salt })).v, `of ${salt}`)
  assert.strictEqual(await other.promises.getMutable(publicKey, { salt: 'c' }), null)
  assert.strictEqual(await other.promises.getMutable(pair().publicKey), null)
}, better)

each('C421: a pair of Buffers is a key too, with a secret one of 32 or 64 bytes', async ({ implementation, stage }) => {
  const [link] = await linked(stage, implementation)
  const keys = pair()
  const [publicKey, seed] = [raw(keys.publicKey), raw(keys.privateKey)]
  const both = Buffer.concat([seed, publicKey])
  for (const [at, privateKey] of [{ publicKey, secretKey: seed }, { publicKey, secretKey: both }, { secretKey: both }, { secretKey: new Uint8Array(seed) }].entries()) {
    await link.promises.putMutable({ v: String(at), privateKey })
    assert.strictEqual((await link.promises.getMutable(publicKey)).v, String(at))
  }
}, better)

each('C421: what is no key, text or number is an error, which does not tell the secret', async ({ implementation, stage }) => {
  const link = new implementation.Link({ grape: 'http://127.0.0.1:1' })
  const { privateKey, publicKey } = pair()
  const other = raw(pair().publicKey)
  const secret = raw(privateKey)
  const rsa = crypto.generateKeyPairSync('rsa', { modulusLength: 512 })
  for (const key of [undefined, null, 'key', publicKey, rsa.privateKey, {}, { secretKey: 'x' }, { secretKey: secret.subarray(1) },
    { publicKey: other, secretKey: secret }, { publicKey: raw(publicKey), secretKey: crypto.randomBytes(64) }, { publicKey: 5, secretKey: secret }]) {
    await assert.rejects(link.promises.putMutable({ v: 'text', privateKey: key }), err => {
      assert.match(err.message, /^ERR_OPTION: privateKey must be/)
      return !err.message.includes(secret.toString('hex'))
    })
  }
  for (const bad of [{ v: 5 }, { v: '' }, {}, { v: Buffer.from('x') }, { v: 'x', seq: 1.5 }, { v: 'x', seq: '1' }, { v: 'x', salt: 5 }]) {
    assert.throws(() => link.putMutable({ ...bad, privateKey }, () => {}), { code: 'ERR_OPTION' })
  }
  for (const key of [undefined, 'ff', Buffer.alloc(31), rsa.publicKey, {}]) {
    await assert.rejects(link.promises.getMutable(key), { code: 'ERR_OPTION' })
  }
}, better)

each('C422: getMutable refuses what the key has not signed', async ({ implementation, stage }) => {
  let answer
  const grape = await standIn(stage, () => answer)
  const link = startLink(stage, implementation, grape.url)
  const { privateKey, publicKey } = pair()
  const k = raw(publicKey).toString('hex')
  const sig = crypto.sign(null, Buffer.from('3:seqi3e1:v4:text'), privateKey).toString('hex')
  const good = { k, seq: 3, sig, v: 'text' }
  answer = good
  assert.deepStrictEqual(await link.promises.getMutable(publicKey), good)
  for (const change of [{ v: 'texT' }, { seq: 4 }, { sig: '00'.repeat(64) }, { sig: '' }, { sig: 5 }, { v: undefined }, { v: { a: 1 } }, { seq: '3' }]) {
    answer = { ...good, ...change }
    await assert.rejects(link.promises.getMutable(publicKey), { message: 'ERR_SIGNATURE_INVALID' })
  }
  answer = good
  await assert.rejects(link.promises.getMutable(publicKey, { salt: 'other' }), { message: 'ERR_SIGNATURE_INVALID' })
  await assert.rejects(link.promises.getMutable(pair().publicKey), { message: 'ERR_SIGNATURE_INVALID' })
  for (const none of ['', null, 'ERR_GRAPE_GENERIC']) {
    answer = none
    assert.strictEqual(await link.promises.getMutable(publicKey), null)
  }
}, better)

each('C421: a subclass with methods of these names keeps them', async ({ implementation, stage }) => {
  const grape = await standIn(stage, ({ type, data }) => type === 'put' ? data.seq : '')
  class Own extends implementation.Link {
    putMutable () { return 'its own' }
    getMutable () { return 'its own' }
  }
  const link = startLink(stage, { Link: Own }, grape.url)
  assert.strictEqual(link.putMutable(), 'its own')
  assert.strictEqual(await link.promises.putMutable({ v: 'x', privateKey: pair().privateKey }), 1)
  assert.strictEqual(await link.promises.getMutable(pair().publicKey), null)
}, better)

each('C421: a put has what the caller gives, and without a seq that of the stored value and one more', async ({ implementation, stage }) => {
  const { privateKey, publicKey } = pair()
  const stored = { v: 'x', seq: 7, sig: crypto.sign(null, Buffer.from('4:salt1:s3:seqi7e1:v1:x'), privateKey).toString('hex') }
  const grape = await standIn(stage, ({ type }) => type === 'put' ? 'hash' : stored)
  const { promises } = startLink(stage, implementation, grape.url)
  const k = raw(publicKey).toString('hex')
  await promises.putMutable({ v: 'y', salt: 's', seq: 3, cas: 2, privateKey })
  await promises.putMutable({ v: 'y\ud800', salt: 's', privateKey })
  const [given, , next] = grape.requests.map(({ data }) => data)
  assert.deepStrictEqual(given, { v: 'y', k, sig: given.sig, seq: 3, salt: 's', cas: 2 })
  assert.deepStrictEqual(next, { v: 'y\ufffd', k, sig: next.sig, seq: 8, salt: 's' })
  assert.deepStrictEqual(grape.requests.map(({ type }) => type), ['put', 'get', 'put'])
  stored.sig = '00'
  await assert.rejects(promises.putMutable({ v: 'y', salt: 's', privateKey }), { message: 'ERR_SIGNATURE_INVALID' })
}, better)
