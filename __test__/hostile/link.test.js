'use strict'

// What a grape answers, whoever runs it: nothing of it throws, fills the process, or makes it call
// others without end.

const assert = require('assert')
const net = require('net')
const tls = require('tls')
const { once } = require('events')
const zlib = require('zlib')
const { hostile } = require('../helpers/peers/hostile')
const { certificates } = require('../../scripts/lib/certificates')
const { residentMiB } = require('../helpers/peers/faulty')
const { standIn } = require('../helpers/grapes/stand-in')

const SCRIPT = { script: 'values-peer.js' }

/** As MAX_ADDRESSES of lib/options/defaults.js. */
const ADDRESSES = 256

const arrays = levels => '['.repeat(levels) + ']'.repeat(levels)
const objects = levels => '{"a":'.repeat(levels) + '1' + '}'.repeat(levels)

/** Texts of answers, of any status. */
const BODIES = [
  '', ' ', 'null', 'true', '5', '{}', '[]', '[[]]', '[null]', '[1,2,3]', '"text"', '""', 'text', '{"toString":1}', '[{"toString":1}]',
  '{"v":1}', '{"length":3,"0":"127.0.0.1:1"}', '"\\ud800"', '\0', '["\\u0000:1"]', '["127.0.0.1"]', '["127.0.0.1:0"]',
  JSON.stringify([`${'a'.repeat(1000000)}:80`]), JSON.stringify('x'.repeat(1000000)), `[${'1,'.repeat(500000)}1]`
]

const DEEP = [arrays(257), objects(257), arrays(4200), objects(4200), arrays(500000), `{"v":${arrays(257)}}`, `["127.0.0.1:1",${arrays(257)}]`]

const STATUSES = [200, 204, 302, 304, 400, 404, 418, 500, 502, 599]

const METHODS = [['lookup', 'key'], ['get', 'hash'], ['get', { hash: 'hash', salt: 'salt' }], ['put', { v: '1' }], ['announce', 'key', 1], ['request', 'any', 1]]

/** A grape that answers with what `next()` says: `[status, body, headers]`. */
function grapeOf (stage, secure, next) {
  return standIn(stage, (request, res) => {
    const [status, body, headers] = next(request)
    res.writeHead(status, { 'content-type': 'application/json', ...headers })
    res.end(body)
  }, secure && certificates().server)
}

/** The process warns of what it does not announce, each cause once, and of few causes, in short texts. */
function onlyWarnsOfAnnounces ({ stderr }) {
  const lines = stderr.split('\n').filter(line => line !== '' && !line.startsWith('(Use `node --trace-warnings'))
  for (const line of lines) assert.match(line, /^\(node:\d+\) \[ERR_NOT_ANNOUNCED\] GrenacheWarning: .{1,500}$/)
  assert.ok(lines.length <= 16, `${lines.length} warnings`)
}

hostile('answers of any shape and status', async ({ stage, secure, startServer }) => {
  let answer
  const grape = await grapeOf(stage, secure, () => answer)
  const child = await startServer({ role: 'link', secure: undefined }, SCRIPT)
  for (const status of STATUSES) {
    const isCommon = status === 200 || status === 500
    for (const body of isCommon ? BODIES : ['', '{}', '[[]]', '{"toString":1}', '"text"']) {
      answer = [status, body]
      for (const method of isCommon ? METHODS : METHODS.slice(0, 2)) {
        const outcome = await child.ask('call', grape.url, ...method)
        const what = `${status} ${body.slice(0, 30)} ${method[0]}`
        if (status !== 200 && status !== 204) {
          assert.strictEqual(outcome.code, status, what)
          assert.ok(outcome.err.length > 0, what)
        } else if (method[0] === 'lookup') {
          assert.match(outcome.err, /^ERR_GRAPE_LOOKUP_(EMPTY|INVALID)$/, what)
        } else {
          assert.strictEqual(outcome.err, undefined, what)
        }
      }
    }
  }
  onlyWarnsOfAnnounces(child)
})

hostile('answers that nest too deep', async ({ stage, secure, startServer }) => {
  let answer
  const grape = await grapeOf(stage, secure, () => answer)
  const child = await startServer({ role: 'link', secure: undefined }, SCRIPT)
  for (const status of [200, 404, 500]) {
    for (const body of DEEP) {
      answer = [status, body]
      for (const method of METHODS) {
        const { err, code } = await child.ask('call', grape.url, ...method)
        assert.deepStrictEqual([err, code], ['ERR_NESTING_LIMIT', status === 200 ? 'ERR_NESTING_LIMIT' : status], `${status} ${body.slice(0, 10)}`)
      }
    }
  }
  // What was a good answer still is.
  answer = [200, arrays(256)]
  assert.strictEqual((await child.ask('call', grape.url, 'get', 'hash')).res, arrays(256).slice(0, 200))
  onlyWarnsOfAnnounces(child)
})

hostile('a status without a text has that of HTTP', async ({ stage, secure, startServer }) => {
  let answer
  const grape = await grapeOf(stage, secure, () => answer)
  const child = await startServer({ role: 'link', secure: undefined }, SCRIPT)
  for (const [status, text] of [[404, '404 Not Found'], [304, '304 Not Modified'], [500, '500 Internal Server Error'], [599, '599 without a text']]) {
    answer = [status, '']
    assert.deepStrictEqual(await child.ask('call', grape.url, 'get', 'hash'), { err: text, code: status })
  }
})

hostile('answers without end, and compressed ones', async ({ stage, secure, startServer }) => {
  const bomb = zlib.gzipSync(Buffer.alloc(200 * 1024 * 1024, ' '))
  const grape = await standIn(stage, ({ type }, res) => {
    if (type === 'get') {
      res.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb)
      return
    }
    const more = () => { while (!res.destroyed && res.write(Buffer.alloc(65536, ' '))); }
    res.on('drain', more).on('error', () => {})
    more()
  }, secure && certificates().server)
  const child = await startServer({ role: 'link', secure: undefined }, SCRIPT)
  assert.strictEqual((await child.ask('call', grape.url, 'request', 'endless', 1)).err, 'length limit exceeded')
  // The bytes as they came, which are no JSON.
  const { err, length } = await child.ask('call', grape.url, 'get', 'hash')
  assert.strictEqual(err, undefined)
  assert.ok(length <= bomb.length, `${length} characters`)
  assert.strictEqual(child.stderr, '')
})

hostile('a head, chunks and trailers without end', async ({ stage, secure, startServer }) => {
  const head = 'HTTP/1.1 200 OK\r\n'
  const chunked = `${head}transfer-encoding: chunked\r\n\r\n`
  let answer
  const listener = socket => socket.on('error', () => {}).once('data', () => {
    const more = () => { while (!socket.destroyed && socket.write(answer.more)); }
    socket.on('drain', more).write(answer.first)
    more()
  })
  const server = secure ? tls.createServer(certificates().server, listener) : net.createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stage.after(() => server.close())
  const url = `http${secure ? 's' : ''}://127.0.0.1:${server.address().port}`
  const child = await startServer({ role: 'link', secure: undefined }, SCRIPT)
  const line = `x-y: ${'z'.repeat(1000)}\r\n`.repeat(64)
  for (const [first, more] of [
    [head, line], [`${head}x: `, 'y'.repeat(65536)], ['HTTP/1.1 ', '2'.repeat(65536)], ['', '\0'.repeat(65536)], ['HTTP/1.1 100 Continue\r\n\r\n', line],
    [`${chunked}1;`, 'x'.repeat(65536)], [`${chunked}10000\r\n`, `${'x'.repeat(65536)}\r\n10000\r\n`], [chunked, '0'.repeat(65536)],
    [`${chunked}0\r\n`, line], [`${head}content-length: 99999999999\r\n\r\n`, ' '.repeat(65536)]
  ]) {
    answer = { first, more }
    const { err } = await child.ask('call', url, 'request', 'endless', 1)
    assert.ok(err, first)
  }
  assert.strictEqual(child.stderr, '')
})

hostile('as many addresses as a service can have, and no more', async ({ stage, secure, startServer }) => {
  // Each of them is listened at: the loopback network has many.
  let calls = 0
  const server = net.createServer(socket => {
    calls++
    socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n')
  }).listen(0, '0.0.0.0')
  await once(server, 'listening')
  stage.after(() => server.close())
  const { port } = server.address()
  const address = at => `127.${1 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}:${port}`
  const many = Array.from({ length: 47000 }, (_, at) => address(at))
  const garbage = [null, 5, {}, [], 'x', 'a b:1', `${'a'.repeat(300)}:80`, `[::1]${' '.repeat(9)}:1`]
  let answer
  const grape = await grapeOf(stage, secure, () => [200, JSON.stringify(answer)])
  const child = await startServer({ role: 'link', secure: undefined }, SCRIPT)

  answer = many
  const { res, length } = await child.ask('call', grape.url, 'lookup', 'many')
  assert.strictEqual(length, ADDRESSES)
  assert.ok(res.startsWith(`["${address(0)}","${address(1)}"`))
  assert.match((await child.ask('map', grape.url)).err, /400|hang up|ECONN/)
  assert.ok(calls > 0 && calls <= ADDRESSES, `${calls} calls`)

  answer = [...garbage, address(1), ...garbage, address(0), address(1), ...Array(1000).fill(address(1))]
  assert.deepStrictEqual(await child.ask('call', grape.url, 'lookup', 'twice'), { res: JSON.stringify([address(1), address(0)]), length: 2 })

  answer = garbage
  assert.deepStrictEqual((await child.ask('call', grape.url, 'lookup', 'garbage')).err, 'ERR_GRAPE_LOOKUP_INVALID')

  // What is no address costs as much to look at as one that is.
  answer = [...Array(4000).fill('x'), address(0)]
  assert.strictEqual((await child.ask('call', grape.url, 'lookup', 'few odd')).length, 1)
  answer = [...Array(5000).fill('x'), address(0)]
  assert.strictEqual((await child.ask('call', grape.url, 'lookup', 'many odd')).err, 'ERR_GRAPE_LOOKUP_INVALID')

  // A grape that lies beside one that fails.
  const failing = await grapeOf(stage, secure, () => [500, arrays(4200)])
  answer = many
  assert.strictEqual((await child.ask('call', `${failing.url},${grape.url}`, 'lookup', 'key')).length, ADDRESSES)
  assert.strictEqual(child.stderr, '')
})

/** A grape that pours `more` into a connection once it was asked and has answered `first`. */
async function pouring (stage, secure, first, more) {
  const ended = []
  const listener = socket => {
    const pour = () => { while (!socket.destroyed && socket.write(more)); }
    ended.push(new Promise(resolve => socket.on('close', resolve)))
    socket.on('error', () => {}).on('drain', pour).once('data', () => {
      socket.write(first)
      setImmediate(pour)
    })
  }
  const grape = secure ? tls.createServer(certificates().server, listener) : net.createServer(listener)
  grape.on('tlsClientError', () => {}).listen(0, '127.0.0.1')
  await once(grape, 'listening')
  stage.after(() => grape.close())
  return { url: `http${secure ? 's' : ''}://127.0.0.1:${grape.address().port}`, ended }
}

hostile('heads without an answer, one after the other, end their connection', async ({ stage, secure, startServer }) => {
  const child = await startServer({ role: 'link', secure: undefined }, SCRIPT)
  for (const head of ['100 Continue', '102 Processing', '103 Early Hints']) {
    const { url, ended } = await pouring(stage, secure, '', Buffer.from(`HTTP/1.1 ${head}\r\n\r\n`.repeat(1000)))
    // Not its deadline.
    assert.strictEqual((await child.ask('call', url, 'get', 'hash')).err, 'length limit exceeded', head)
    assert.notStrictEqual(ended.length, 0)
    await Promise.all(ended)
  }
  // A few are as they should be.
  const grape = await standIn(stage, (request, res) => {
    for (let at = 0; at < 10; at++) res.writeProcessing()
    return 'fine'
  }, secure && certificates().server)
  assert.strictEqual((await child.ask('call', grape.url, 'get', 'hash')).res, '"fine"')
})

hostile('extensions of chunks count', async ({ stage, secure, startServer }) => {
  const child = await startServer({ role: 'link', secure: undefined }, SCRIPT)
  const chunks = Buffer.from(`1;${'x'.repeat(8000)}\r\n \r\n`.repeat(10))
  const { url, ended } = await pouring(stage, secure, 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', chunks)
  const { err } = await child.ask('call', url, 'get', 'hash')
  assert.ok(err && err !== 'ERR_TIMEOUT', err)
  await Promise.all(ended)
})

hostile('what has the port of an embedded grape, and talks without end, loses its connections', async ({ stage, implementation }) => {
  for (const [first, more] of [['HTTP/1.1 200 OK\r\n\r\n', ' '.repeat(65536)], ['', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(1000)]]) {
    const { url, ended } = await pouring(stage, false, first, Buffer.from(more))
    const link = new implementation.Link({ grape: 'embedded', grapePort: Number(new URL(url).port) })
    stage.after(() => link.stop())
    const began = performance.now()
    link.start()
    while (ended.length === 0) await new Promise(resolve => setTimeout(resolve, 10))
    await ended[0]
    // Not the time that it has for its head.
    assert.ok(performance.now() - began < 2500)
    link.stop()
  }
}, { tls: false })

hostile('what a grape says when it is asked nothing ends its connection', async ({ stage, secure, startServer }) => {
  const child = await startServer({ role: 'link', secure: undefined }, SCRIPT)
  const { url, ended } = await pouring(stage, secure, 'HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: 6\r\n\r\n"fine"', Buffer.alloc(65536, ' '))
  await child.ask('call', url, 'get', 'hash')
  await Promise.all(ended)
})

hostile('an answer that comes a byte at a time costs its bytes, and not a buffer for each', async ({ stage, secure, startServer }) => {
  const timers = new Set()
  stage.after(() => timers.forEach(clearInterval))
  const listener = socket => {
    socket.on('error', () => {}).setNoDelay(true).once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n')
      const timer = setInterval(() => { for (let at = 0; at < 10; at++) setImmediate(() => socket.writable && socket.write(' ')) }, 1)
      timers.add(timer)
      socket.on('close', () => clearInterval(timer))
    })
  }
  const grape = secure ? tls.createServer(certificates().server, listener) : net.createServer(listener)
  grape.on('tlsClientError', () => {}).listen(0, '127.0.0.1')
  await once(grape, 'listening')
  stage.after(() => grape.close())
  const url = `http${secure ? 's' : ''}://127.0.0.1:${grape.address().port}`
  const child = await startServer({ role: 'link', secure: undefined }, SCRIPT)
  const before = residentMiB(child.process.pid)
  let most = 0
  const watch = setInterval(() => { most = Math.max(most, residentMiB(child.process.pid)) }, 20)
  timers.add(watch)
  const outcomes = await Promise.all(Array.from({ length: 16 }, () => child.ask('call', url, 'get', 'hash')))
  for (const { err } of outcomes) assert.strictEqual(err, 'ERR_TIMEOUT')
  assert.ok(most - before < 64, `${most - before} MiB`)
})
