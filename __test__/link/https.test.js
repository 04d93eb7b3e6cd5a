'use strict'

// Grapes behind TLS.

const assert = require('node:assert')
const fs = require('fs')
const os = require('os')
const path = require('path')
const { call, each, native } = require('../helpers/conformance')
const { certificates } = require('../../scripts/lib/certificates')
const { run } = require('../../scripts/lib/child')
const { freePort } = require('../../scripts/lib/ports')
const { fail, standIn, startLink } = require('../helpers/grapes/stand-in')

const DESTS = ['127.0.0.1:1337']
const { server, client, ecServer, strangerClient } = certificates()
const TRUST = { ca: server.ca }

/** A test of our link with a secure stand-in that does what `answer` says. */
function scene (title, answer, body, secure = server) {
  each(title, async ({ stage }) => {
    const grape = await standIn(stage, answer, secure)
    const start = (conf, url = grape.url) => startLink(stage, native, url, conf)
    await body({ grape, start, stage })
  }, { better: true })
}

const echo = ({ type, data }) => type === 'lookup' ? DESTS : { type, data }

scene('C31 C32 C36: the exchange is the same as without TLS', echo, async ({ grape, start }) => {
  const link = start({ tls: TRUST })
  const data = { text: 'äöü 🦀' }
  assert.deepStrictEqual(await call(link, 'lookup', 'key'), { err: null, res: DESTS })
  assert.deepStrictEqual((await call(link, 'request', 'any', data, {})).res, { type: 'any', data })
  const { method, url, headers, text, body } = grape.requests[1]
  assert.strictEqual(`${method} ${url}`, 'POST /any')
  assert.strictEqual(headers['content-type'], 'application/json')
  assert.strictEqual(text, JSON.stringify({ rid: body.rid, data }))
})

scene('C195: a grape address wss://... means https://...', echo, async ({ grape, start }) => {
  const link = start({ tls: TRUST }, `wss://localhost:${grape.port}/`)
  assert.deepStrictEqual(await call(link, 'lookup', 'key'), { err: null, res: DESTS })
  assert.strictEqual(grape.requests[0].url, '/lookup')
})

const LIMIT = 1024 * 1024

scene('an answer at the limit is taken, and one character more is an error', ({ data }) => 'x'.repeat(data), async ({ start }) => {
  const link = start({ tls: TRUST })
  const quotes = 2
  assert.strictEqual((await call(link, 'request', 'any', LIMIT - quotes, {})).res.length, LIMIT - quotes)
  assert.strictEqual((await call(link, 'request', 'any', LIMIT - quotes + 1, {})).err.message, 'length limit exceeded')
})

scene('a grape with an EC certificate', echo, async ({ start }) => {
  assert.deepStrictEqual((await call(start({ tls: { ca: ecServer.ca } }), 'lookup', 'key')).res, DESTS)
}, ecServer)

scene('a certificate that does not verify is an error of the callback', echo, async ({ grape, start }) => {
  const { err } = await call(start(), 'lookup', 'key')
  assert.match(err.code, /^(UNABLE_TO|SELF_SIGNED|DEPTH_ZERO)/)
  assert.strictEqual(grape.requests.length, 0)
})

scene('with rejectUnauthorized: false any certificate will do', echo, async ({ start }) => {
  assert.deepStrictEqual((await call(start({ tls: { rejectUnauthorized: false } }), 'lookup', 'key')).res, DESTS)
})

scene('a grape may ask for a certificate', echo, async ({ grape, start }) => {
  const own = await call(start({ tls: client }), 'lookup', 'key')
  assert.deepStrictEqual(own, { err: null, res: DESTS })
  for (const tls of [TRUST, { ...strangerClient, ca: server.ca }]) {
    const { err } = await call(start({ tls }), 'lookup', 'key')
    assert(err instanceof Error)
  }
  assert.strictEqual(grape.requests.length, 1)
}, { ...server, requestCert: true, rejectUnauthorized: true })

scene('options that Node refuses are an error of the callback', echo, async ({ start }) => {
  const { err } = await call(start({ tls: { ...TRUST, key: 'no key', cert: 'no certificate' } }), 'lookup', 'key')
  assert(err instanceof Error)
  const { err: mismatch } = await call(start({ tls: { ...client, key: server.key } }), 'lookup', 'key')
  assert.match(mismatch.message, /key values mismatch/)
})

scene('C38: a status other than 2xx', fail(413, '"ERR_GRAPE_PAYLOAD_SIZE"'), async ({ start }) => {
  const { err } = await call(start({ tls: TRUST }), 'put', { v: 1 })
  assert.strictEqual(err.message, 'ERR_GRAPE_PAYLOAD_SIZE')
  assert.strictEqual(err.code, 413)
})

scene('C216: a grape that does not answer is ERR_TIMEOUT', () => {}, async ({ grape, start }) => {
  const link = start({ tls: TRUST, requestTimeout: 300 })
  assert.strictEqual((await call(link, 'get', 'ff')).err.message, 'ERR_TIMEOUT')
  assert.strictEqual(grape.requests.length, 1)
})

scene('C216: a grape that stops within the body is ERR_TIMEOUT', (request, res) => { res.write('"abc') }, async ({ start }) => {
  const link = start({ tls: TRUST, requestTimeout: 300 })
  assert.strictEqual((await call(link, 'get', 'ff')).err.message, 'ERR_TIMEOUT')
})

scene('an answer that ends halfway is an error', (request, res) => {
  res.write('"abc', () => res.socket.destroy())
}, async ({ start }) => {
  assert.strictEqual((await call(start({ tls: TRUST }), 'get', 'ff')).err.code, 'ECONNRESET')
})

scene('an answer without end is given up', (request, res) => {
  const more = () => { while (!res.destroyed && res.write('x'.repeat(65536))); }
  res.on('drain', more)
  more()
}, async ({ start }) => {
  assert.strictEqual((await call(start({ tls: TRUST }), 'get', 'ff')).err.message, 'length limit exceeded')
})

scene('connections are kept', echo, async ({ grape, start }) => {
  const link = start({ tls: TRUST })
  for (let at = 0; at < 5; at++) assert.strictEqual((await call(link, 'get', at)).res.data, at)
  assert.strictEqual(grape.connections, 1)
})

const perSocket = new WeakMap()

scene('a kept connection that the grape closes is no failure', (request, res) => {
  const count = (perSocket.get(res.socket) || 0) + 1
  perSocket.set(res.socket, count)
  if (count === 1) return count
  res.socket.destroy()
}, async ({ grape, start }) => {
  const link = start({ tls: TRUST })
  for (const hash of ['01', '02', '03']) assert.deepStrictEqual(await call(link, 'get', hash), { err: null, res: 1 })
  assert.strictEqual(grape.connections, 3)
})

scene('a link goes on from a grape that is dead or does not verify', echo, async ({ grape, start, stage }) => {
  const dead = `https://127.0.0.1:${await freePort()}`
  assert.strictEqual((await call(start({ tls: TRUST }, dead), 'get', 'ff')).err.code, 'ECONNREFUSED')
  const stranger = await standIn(stage, echo, certificates().strangerServer)
  const plain = await standIn(stage, echo)
  const link = start({ tls: TRUST }, [dead, stranger.url, grape.url, plain.url])
  assert.deepStrictEqual((await call(link, 'get', 'ff')).res, { type: 'get', data: 'ff' })
  assert.deepStrictEqual([stranger, grape, plain].map(({ requests }) => requests.length), [0, 1, 0])
})

// As with the original: Node's own way to trust an authority, and nothing keeps the process.
each('authorities of NODE_EXTRA_CA_CERTS are trusted, and the process ends', async ({ implementation, stage }) => {
  const grape = await standIn(stage, echo, server)
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grenache-ca-'))
  stage.after(() => fs.rmSync(folder, { recursive: true }))
  const file = path.join(folder, 'ca.pem')
  fs.writeFileSync(file, server.ca)
  const { code, stdout, stderr } = await run(`
    const { Link } = require(pkg + '/__test__/helpers/implementations').byName.${implementation.name}
    const link = new Link({ grape: '${grape.url}' })
    link.start()
    link.lookup('key', (err, dests) => {
      console.log(err, dests)
      link.stop()
    })
  `, { env: { NODE_EXTRA_CA_CERTS: file } })
  assert.strictEqual(stdout, "null [ '127.0.0.1:1337' ]\n", stderr)
  assert.strictEqual(code, 0)
})
