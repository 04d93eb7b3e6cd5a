'use strict'

// The HTTP API of a grape, as the original's and ours answer it.

const assert = require('node:assert')
const { createHash } = require('node:crypto')
const { once } = require('node:events')
const { grapes } = require('../helpers/grapes/pair')
const { ask, exchange } = require('../../scripts/lib/grape-api')
const { keys } = require('../helpers/grapes/signed')

const raw = (url, type, body) => exchange(`${url}/${type}`, { method: 'POST', body })

grapes('C230: a lookup answers a list of addresses, empty for none', async ({ ask: first, urls }) => {
  assert.deepStrictEqual(await first('lookup', 'nobody'), [])
  assert.strictEqual(await first('announce', ['somebody', 1337]), 1)
  assert.deepStrictEqual(await ask(urls[1], 'lookup', 'somebody'), ['127.0.0.1:1337'])
})

grapes('C231: a lookup answers at most 100 addresses of many', async ({ ask: first, urls }) => {
  for (let port = 1001; port <= 1120; port++) await first('announce', ['crowd', port])
  const found = await ask(urls[1], 'lookup', 'crowd')
  assert.strictEqual(new Set(found).size, 100)
  assert.strictEqual(found.length, 100)
})

grapes('C232: names of any length and script can be announced', async ({ ask: first, urls }) => {
  const names = ['x', 'exactly-twenty-bytes', 'exactly-twenty-bytes!', 'ключ 钥匙 🔑', 'long '.repeat(200)]
  for (const name of names) {
    assert.strictEqual(await first('announce', [name, 1337]), 1)
    assert.deepStrictEqual(await ask(urls[1], 'lookup', name), ['127.0.0.1:1337'])
  }
})

grapes('C233: a lookup whose key is no text answers ERR_GRAPE_LOOKUP with status 200', async ({ post }) => {
  for (const key of ['', null, 5, false, ['key'], { a: 1 }, undefined]) {
    const { status, answer } = await post('lookup', key)
    assert.deepStrictEqual([status, answer], [200, 'ERR_GRAPE_LOOKUP'])
  }
})

grapes('C234: an announce that is no list answers ERR_GRAPE_ANNOUNCE, one without an integer as port ERR_GRAPE_SERVICE_PORT', async ({ post }) => {
  for (const data of [null, 'key', 5, { key: 'a' }, undefined]) {
    const { status, answer } = await post('announce', data)
    assert.deepStrictEqual([status, answer], [200, 'ERR_GRAPE_ANNOUNCE'])
  }
  for (const port of [undefined, null, '1337', 1.5, 'x']) {
    const { status, answer } = await post('announce', ['key', port])
    assert.deepStrictEqual([status, answer], [200, 'ERR_GRAPE_SERVICE_PORT'])
  }
})

grapes('C235: an unknown type answers ERR_REQ_NOTFOUND', async ({ post }) => {
  for (const type of ['nothing', '', 'lookup/more', 'lookup?more']) {
    const { status, answer } = await post(type, 'key')
    assert.deepStrictEqual([status, answer], [200, 'ERR_REQ_NOTFOUND'], type)
  }
})

grapes('C236: a body that is no JSON gets status 500 and ERR_GRAPE_PAYLOAD_INVALID', async ({ urls }) => {
  for (const body of ['', 'garbage', '{', '{"data":}']) {
    const { status, text } = await raw(urls[0], 'lookup', body)
    assert.deepStrictEqual([status, text], [500, 'ERR_GRAPE_PAYLOAD_INVALID'])
  }
})

grapes('C237: a body over check_maxPayloadSize gets status 413 and ERR_GRAPE_PAYLOAD_SIZE', async ({ urls, ask }) => {
  const body = size => JSON.stringify({ data: 'x'.repeat(size - 11) })
  const { status, text } = await raw(urls[0], 'lookup', body(501))
  assert.deepStrictEqual([status, text], [413, 'ERR_GRAPE_PAYLOAD_SIZE'])
  assert.strictEqual((await raw(urls[0], 'lookup', body(500))).status, 200)
  assert.deepStrictEqual(await ask('lookup', 'nobody'), [])
}, { conf: { check_maxPayloadSize: 500 } })

grapes('C238: null where data is needed gets status 500, and the grape goes on', async ({ urls, ask }) => {
  for (const [type, body] of [
    ['lookup', 'null'], ['get', '{"data":null}'], ['put', '{"data":null}'], ['put', '{}'],
    ['announce', '{"data":[null,1337]}']
  ]) {
    const { status, text } = await raw(urls[0], type, body)
    assert.strictEqual(status, 500, type)
    assert.notStrictEqual(text, '')
  }
  assert.deepStrictEqual(await ask('lookup', 'nobody'), [])
})

grapes('C239: only the data of a request counts', async ({ urls }) => {
  for (const body of ['{"data":"nobody"}', '{"rid":{"a":[]},"data":"nobody","more":1}']) {
    assert.deepStrictEqual((await raw(urls[0], 'lookup', body)).answer, [])
  }
  for (const body of ['5', '"text"', '[]', '{}']) {
    assert.strictEqual((await raw(urls[0], 'lookup', body)).answer, 'ERR_GRAPE_LOOKUP')
  }
})

grapes('C240: a put answers the hash, and a get the value with the id of who had it', async ({ ask: first, urls }) => {
  // The hash is that of the bencoded value, so all grapes say the same.
  const hash = await first('put', { v: 'Hello World!' })
  assert.strictEqual(hash, 'e5f96f6f38320f0f33959cb4d3d656452117aadb')
  for (const data of [hash, { hash }]) {
    const { id, v } = await ask(urls[1], 'get', data)
    assert.match(id, /^[0-9a-f]{40}$/)
    assert.strictEqual(v, 'Hello World!')
  }
  const texts = [['ü🦀', 'ü🦀'], [5, '5']]
  for (const [v, text] of texts) {
    assert.strictEqual((await ask(urls[1], 'get', await first('put', { v }))).v, text)
  }
})

grapes('C241: a get that finds nothing, or asks with bad hex, answers status 200 and no body', async ({ post }) => {
  for (const hash of ['ab'.repeat(20), 'abc', 'abno hex', { hash: 'abzz' }]) {
    const { status, text } = await post('get', hash)
    assert.deepStrictEqual([status, text], [200, ''])
  }
  for (const data of [5, {}, []]) {
    assert.strictEqual((await post('get', data)).answer, 'ERR_GRAPE_GENERIC')
  }
})

grapes('C249: a get of an empty hash finds nothing, and the grape goes on', async ({ ask, post }) => {
  for (const hash of ['', 'no hex at all', { hash: 'zz' }]) {
    assert.deepStrictEqual((({ status, text }) => [status, text])(await post('get', hash)), [200, ''])
    assert.deepStrictEqual(await ask('lookup', 'nobody'), [])
  }
}, { better: true })

grapes('C242: a wrong put answers what is wrong, and the grape goes on', async ({ ask }) => {
  const { sign } = keys()
  const signed = sign({ v: 'a', seq: 1 })
  for (const [change, text] of [
    [{ v: undefined }, 'opts.v not given'],
    [{ v: 'x'.repeat(1000) }, 'v must be less than 1000 bytes in put()'],
    [{ k: 'abcd' }, 'opts.k ed25519 public key must be 32 bytes'],
    [{ sig: undefined }, 'opts.sign function or options.sig signature is required for mutable put'],
    [{ salt: 's'.repeat(65) }, 'opts.salt is > 64 bytes long'],
    [{ seq: undefined }, 'opts.seq not provided for a mutable update'],
    [{ seq: '1' }, 'opts.seq not an integer'],
    [{ cas: '1' }, 'opts.cas must be an integer if provided']
  ]) {
    assert.strictEqual(await ask('put', { ...signed, ...change }), text)
  }
  assert.match(await ask('put', { v: 'x'.repeat(999) }), /^[0-9a-f]{40}$/)
})

grapes('C243: a mutable value has k, sig and seq, also when they are given as lists of numbers', async ({ ask: first, urls }) => {
  const { k, sign } = keys()
  const signed = sign({ v: 'hello', seq: 1, salt: 'a salt' })
  const bytes = { ...signed, k: [...k], sig: [...Buffer.from(signed.sig, 'hex')] }
  const hash = await first('put', bytes)
  const found = await ask(urls[1], 'get', { hash, salt: 'a salt' })
  assert.strictEqual(found.v, 'hello')
  assert.strictEqual(found.seq, 1)
  assert.strictEqual(found.k, signed.k)
  assert.strictEqual(found.sig, signed.sig)
})

grapes('C244: a put that every node refuses gets status 302 for an old seq, 301 for another cas', async ({ post }) => {
  const { sign } = keys()
  assert.strictEqual((await post('put', sign({ v: 'one', seq: 5 }))).status, 200)
  const old = await post('put', sign({ v: 'two', seq: 5 }))
  assert.deepStrictEqual([old.status, old.answer], [302, '302 sequence number less than current'])
  const other = await post('put', { ...sign({ v: 'two', seq: 6 }), cas: 4 })
  assert.deepStrictEqual([other.status, other.answer], [301, '301 CAS mismatch, re-read and try again'])
  assert.strictEqual((await post('put', { ...sign({ v: 'two', seq: 6 }), cas: 5 })).status, 200)
})

grapes('C245: a wrong signature is told at once', async ({ ask }) => {
  const { sign } = keys()
  assert.strictEqual(await ask('put', { ...sign({ v: 'a', seq: 1 }), v: 'b' }), 'invalid signature')
}, { better: true })

grapes('C246: an unannounced service is found no more', async ({ ask: first, urls }) => {
  await first('announce', ['gone', 1337])
  await first('announce', ['gone', 1338])
  assert.strictEqual(await first('unannounce', ['gone', 1337]), 1)
  assert.deepStrictEqual(await ask(urls[1], 'lookup', 'gone'), ['127.0.0.1:1338'])
}, { better: true })

grapes('C283: an unannounced service is found no more through grapes that found it before', async ({ ask: first, dht, t, Grape }) => {
  // So many that not each of them keeps each announce.
  const others = Array.from({ length: 30 }, () => new Grape({
    host: '127.0.0.1', dht_port: 0, api_port: 0, dht_bootstrap: dht.map(port => `127.0.0.1:${port}`)
  }))
  t.after(() => Promise.all(others.map(grape => new Promise(resolve => grape.stop(resolve)))))
  await Promise.all(others.map(grape => {
    grape.start()
    return once(grape, 'ready')
  }))
  const lookup = grape => new Promise((resolve, reject) => {
    grape.lookup('gone', (err, found) => err ? reject(err) : resolve(found))
  })
  const found = dests => others.map(() => dests)
  for (const port of [1337, 1338]) await first('announce', ['gone', port])
  const before = await Promise.all(others.map(lookup))
  assert.deepStrictEqual(before.map(dests => dests.sort()), found(['127.0.0.1:1337', '127.0.0.1:1338']))
  assert.strictEqual(await first('unannounce', ['gone', 1337]), 20)
  await new Promise(resolve => setTimeout(resolve, 51))
  assert.deepStrictEqual(await Promise.all(others.map(lookup)), found(['127.0.0.1:1338']))
}, { better: true, conf: { host: '127.0.0.1' } })

grapes('C247: a lookup of { key, order: "fresh" } puts those first that announced themselves last', async ({ ask: first, urls }) => {
  const ports = [1005, 1001, 1004, 1002, 1003]
  for (const port of ports) {
    await first('announce', ['ordered', port])
    // Ages go over the wire in seconds.
    await new Promise(resolve => setTimeout(resolve, 1050))
  }
  const found = await ask(urls[1], 'lookup', { key: 'ordered', order: 'fresh' })
  assert.deepStrictEqual(found, ports.reverse().map(port => `127.0.0.1:${port}`))
}, { better: true })

grapes('C248: / is a page, /status the same as JSON, and /metrics is for Prometheus', async ({ ask, urls, dht }) => {
  await ask('announce', ['a <b>name</b>', 1337])
  const page = await exchange(`${urls[1]}/`)
  assert.strictEqual(page.status, 200)
  assert.match(page.headers.get('content-type'), /^text\/html/)
  assert.match(page.text, /<td>a &lt;b&gt;name&lt;\/b&gt;<\/td><td>127\.0\.0\.1:1337<\/td><td>\d+ s<\/td>/)
  assert.match(page.text, /name="viewport"/)
  assert.doesNotMatch(page.text, /http-equiv|src=|url\(|@import|https?:\/\//)
  // What the browser may run and show is just what stands there.
  for (const name of ['script', 'style']) {
    const [[, text], ...more] = page.text.matchAll(new RegExp(`<${name}>([^]*?)</${name}>`, 'g'))
    const hash = createHash('sha256').update(text).digest('base64')
    assert(page.headers.get('content-security-policy').includes(`${name}-src 'sha256-${hash}'; `), `${name}: ${hash}`)
    assert.deepStrictEqual(more, [])
  }
  for (const part of ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"]) {
    assert(page.headers.get('content-security-policy').includes(part), part)
  }
  assert.strictEqual(page.headers.get('referrer-policy'), 'no-referrer')

  const { answer } = await exchange(`${urls[1]}/status`)
  assert.deepStrictEqual(answer.services, [{ name: 'a <b>name</b>', addresses: [['127.0.0.1:1337', answer.services[0].addresses[0][1]]] }])
  assert.deepStrictEqual(answer.nodes.map(([address]) => address), [`127.0.0.1:${dht[0]}`])
  assert.strictEqual(answer.version, require('../../package.json').version)
  assert(answer.memory > 0)

  assert.deepStrictEqual([answer.page, answer.pages, answer.matching, answer.addresses_left_out], [1, 1, 1, 0])

  const metrics = await exchange(`${urls[1]}/metrics`)
  assert.match(metrics.headers.get('content-type'), /^text\/plain; version=0\.0\.4/)
  assert.match(metrics.text, /^grape_services 1$/m)
  assert.match(metrics.text, /^grape_queries_total\{query="announce_peer"\} 1$/m)
}, { better: true })

grapes('C550: every service is on a page of the status, and a filter leaves some', async ({ ask, urls }) => {
  const wanted = Array.from({ length: 1101 }, (_, at) => `service ${String(at).padStart(4, '0')}`)
  await Promise.all(wanted.map((name, at) => ask('announce', [name, 1000 + at])))
  const status = async query => (await exchange(`${urls[1]}/status?${query}`)).answer
  const first = await status('page=1')
  assert.deepStrictEqual([first.page, first.pages, first.matching, first.addresses_left_out], [1, 2, 1101, 101])
  const second = await status('page=2')
  assert.deepStrictEqual([second.page, second.pages, second.addresses_left_out], [2, 2, 1000])
  const names = [first, second].flatMap(({ services }) => services.map(({ name }) => name))
  assert.deepStrictEqual(names.sort(), wanted)
  const few = await status('filter=SERVICE+001')
  assert.deepStrictEqual(few.services.map(({ name }) => name), wanted.slice(10, 20))
  assert.deepStrictEqual((await status('filter=127.0.0.1:1007')).services.map(({ name }) => name), ['service 0007'])
  assert.deepStrictEqual([few.pages, few.matching, (await status('filter=none&page=9')).page], [1, 10, 1])
  const page = await exchange(`${urls[1]}/?page=2`)
  assert.match(page.text, /page 2 of 2; 1000 more addresses are on the others <a href="\/\?page=1">first<\/a>/)
}, { better: true })
