'use strict'

// Addresses of grapes as they are written, and grapes that send a link elsewhere; plain and with TLS.

const assert = require('node:assert')
const net = require('net')
const { once } = require('events')
const { certificates } = require('../../scripts/lib/certificates')
const { call, each } = require('../helpers/conformance')
const { standIn, startLink } = require('../helpers/grapes/stand-in')

const DESTS = ['127.0.0.1:1337']
const { server } = certificates()
const better = { better: true }
const WAYS = [['', undefined], [', TLS', server]]

/** A link whose subclass adds header fields to each exchange. */
function linkWith (stage, implementation, url, headers) {
  class Own extends implementation.Link {
    _post (url, data, opts, cb) {
      return super._post(url, data, { ...opts, headers }, cb)
    }
  }
  return startLink(stage, { Link: Own }, url, { tls: { ca: server.ca } })
}

/** A link, to be asked once for each thing. */
const linkTo = (stage, implementation, url) => startLink(stage, implementation, url, { tls: { ca: server.ca } })

for (const [way, secure] of WAYS) {
  // The original knows no authority but the system's.
  const opts = secure && better

  each(`C298: user and password of an address are sent as Basic authorization${way}`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, () => DESTS, secure)
    const link = linkTo(stage, implementation, grape.url.replace('://', '://us%40er:pass%3A@'))
    assert.deepStrictEqual(await call(link, 'lookup', 'key', { retry: 1 }), { err: null, res: DESTS })
    assert.strictEqual(grape.requests[0].headers.authorization, `Basic ${Buffer.from('us@er:pass:').toString('base64')}`)
    assert.strictEqual(grape.requests[0].url, '/lookup')
  }, opts)

  each(`C362: headers that a subclass hands to super._post reach the grape${way}`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, () => DESTS, secure)
    const headers = { Authorization: 'Bearer token', 'X-Number': 7, 'X-List': ['a', 'b'], 'x-latin': 'caf\u00e9', accept: 'application/json', 'user-agent': 'own' }
    const link = linkWith(stage, implementation, grape.url.replace('://', '://user:password@'), headers)
    assert.deepStrictEqual(await call(link, 'lookup', 'key', { retry: 1 }), { err: null, res: DESTS })
    const { headers: sent } = grape.requests[0]
    assert.deepStrictEqual(['authorization', 'x-number', 'x-list', 'x-latin', 'accept', 'user-agent', 'content-type'].map(name => sent[name]),
      ['Bearer token', '7', 'a,b', 'caf\u00e9', 'application/json', 'own', 'application/json'])
  }, opts)

  each(`C362: headers do not say what the body is, nor how it is sent${way}`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, () => DESTS, secure)
    const link = linkWith(stage, implementation, grape.url, { 'Content-Type': 'text/plain', 'Content-Length': '1', 'transfer-encoding': 'chunked' })
    for (const key of ['one', 'two']) assert.deepStrictEqual(await call(link, 'lookup', key, { retry: 1 }), { err: null, res: DESTS })
    assert.deepStrictEqual(grape.requests.map(({ data, headers }) => [data, headers['content-type']]), [['one', 'application/json'], ['two', 'application/json']])
  }, better)

  each(`C362: a header that none may have is an error${way}`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, () => DESTS, secure)
    for (const headers of [{ 'x y': '1' }, { x: 'a\r\ny: b' }, { x: '\u2713' }]) {
      const { err } = await call(linkWith(stage, implementation, grape.url, headers), 'lookup', 'key', { retry: 1 })
      assert.strictEqual(err.name, 'TypeError')
    }
    assert.strictEqual(grape.requests.length, 0)
  }, opts)

  each(`C362: another origin gets no authorization, cookie or host of a subclass${way}`, async ({ implementation, stage }) => {
    const other = await standIn(stage, () => DESTS)
    const grape = await standIn(stage, ({ url }, res) => { res.writeHead(307, { location: url === '/lookup' ? '/again' : `${other.url}/lookup` }).end() }, secure)
    const link = linkWith(stage, implementation, grape.url, { authorization: 'Bearer token', cookie: 'a=b', host: 'localhost', 'x-own': 'own' })
    assert.deepStrictEqual(await call(link, 'lookup', 'key', { retry: 1 }), { err: null, res: DESTS })
    const said = ({ headers }) => [headers.authorization, headers.cookie, headers.host, headers['x-own']]
    assert.deepStrictEqual(grape.requests.map(said), Array(2).fill(['Bearer token', 'a=b', 'localhost', 'own']))
    assert.deepStrictEqual(said(other.requests[0]), [undefined, undefined, `127.0.0.1:${other.port}`, 'own'])
  }, better)

  for (const status of [307, 308]) {
    each(`C299: a link follows a ${status}${way}`, async ({ implementation, stage }) => {
      const grape = await standIn(stage, ({ url }, res) => {
        if (url === '/there/lookup') return DESTS
        res.writeHead(status, { location: '/there/lookup' }).end('elsewhere')
      }, secure)
      const link = linkTo(stage, implementation, grape.url)
      assert.deepStrictEqual(await call(link, 'lookup', 'key', { retry: 1 }), { err: null, res: DESTS })
      const [first, second] = grape.requests
      assert.deepStrictEqual([second.method, second.text], ['POST', first.text])
    }, opts)
  }

  each(`C300: also a 301, 302 or 303, with the same request${way}`, async ({ implementation, stage }) => {
    for (const status of [301, 302, 303]) {
      const grape = await standIn(stage, ({ url }, res) => {
        if (url === '/there/lookup') return DESTS
        res.writeHead(status, { location: '/there/lookup' }).end()
      }, secure)
      const link = linkTo(stage, implementation, grape.url)
      assert.deepStrictEqual(await call(link, 'lookup', 'key', { retry: 1 }), { err: null, res: DESTS })
    }
  }, better)

  each(`C300: to another grape it takes no password along${way}`, async ({ implementation, stage }) => {
    const other = await standIn(stage, () => DESTS)
    const grape = await standIn(stage, ({ url }, res) => {
      const location = url === '/lookup' ? '/again' : `${other.url}/lookup`
      res.writeHead(307, { location }).end()
    }, secure)
    const link = linkTo(stage, implementation, grape.url.replace('://', '://user:password@'))
    assert.deepStrictEqual(await call(link, 'lookup', 'key', { retry: 1 }), { err: null, res: DESTS })
    assert.deepStrictEqual(grape.requests.map(({ headers }) => typeof headers.authorization), ['string', 'string'])
    assert.strictEqual(other.requests[0].headers.authorization, undefined)
  }, better)

  each(`C300: grapes that send it around are an error, and so is a place that is none${way}`, async ({ implementation, stage }) => {
    let location = '/lookup'
    const grape = await standIn(stage, (request, res) => { res.writeHead(307, { location }).end() }, secure)
    const link = linkTo(stage, implementation, grape.url)
    assert.strictEqual((await call(link, 'lookup', 'key', { retry: 1 })).err.message, 'ERR_GRAPE_REDIRECTS')
    assert.strictEqual(grape.requests.length, 6)
    for (location of ['ftp://127.0.0.1/', 'http://127.0.0.1:99999/', 'http://']) {
      assert.match((await call(link, 'lookup', location, { retry: 1 })).err.message, /^ERR_GRAPE_URL: /)
    }
  }, better)

  each(`C300: all of it has the time of one exchange${way}`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, ({ url }, res) => {
      if (url === '/lookup') res.writeHead(307, { location: '/never' }).end()
    }, secure)
    const link = linkTo(stage, implementation, grape.url)
    assert.strictEqual((await call(link, 'lookup', 'key', { retry: 1, timeout: 300 })).err.message, 'ERR_TIMEOUT')
    assert.deepStrictEqual(grape.requests.map(({ url }) => url), ['/lookup', '/never'])
  }, better)
}

for (const [url, hint] of [
  ['http://127.0.0.1:99999', ''], ['http://127.0.0.1:3000l', ''], ['http://127.0.0.1:-1', ''], ['http://', ' (http:// is missing)'], ['ftp://127.0.0.1:1', ''],
  ['127.0.0.1:30001', ' (http:// is missing)'], ['localhost:30001', ' (http:// is missing)'], ['grape', ' (http:// is missing)'],
  ['https://user:secret@127.0.0.1:99999', '']
]) {
  each(`C301: ${url} is no address of a grape`, async ({ implementation, stage }) => {
    const link = startLink(stage, implementation, url)
    const { err } = await call(link, 'lookup', 'key', { retry: 1 })
    assert.strictEqual(err.message, `ERR_GRAPE_URL: ${url.replace('user:secret@', '').replace(/\/+$/, '')}/lookup${hint}`)
  }, better)
}

each('C546: a link without a grape says so', async ({ implementation, stage }) => {
  const link = new implementation.Link({ grapes: 'http://127.0.0.1:1' })
  link.start()
  stage.after(() => link.stop())
  const { err } = await call(link, 'lookup', 'key', { retry: 1 })
  assert.strictEqual(err.message, 'ERR_GRAPE_URL: /lookup (`grape` is missing)')
}, better)

for (const [what, said] of [['before its answer', ''], ['in the middle of its answer', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[']]) {
  each(`C302: a grape that hangs up ${what} is an Error with the code ECONNRESET`, async ({ implementation, stage }) => {
    const grape = net.createServer(socket => {
      socket.on('error', () => {})
      socket.once('data', () => socket.end(said))
    }).listen(0, '127.0.0.1')
    await once(grape, 'listening')
    stage.after(() => grape.close())
    const link = startLink(stage, implementation, `http://127.0.0.1:${grape.address().port}`)
    const { err } = await call(link, 'lookup', 'key', { retry: 1 })
    assert.strictEqual(err.code, 'ECONNRESET')
  }, said !== '' && better)
}
