'use strict'

// What servers and grapes together can do to whoever asks: results that are kept, transports,
// exchanges that go on, connections that are made again.

const assert = require('assert')
const net = require('net')
const { once } = require('events')
const { test } = require('node:test')
const Pool = require('../../lib/client/Pool')
const TransportRPCClient = require('../../lib/TransportRPCClient')
const PeerSub = require('../../lib/PeerSub')
const pause = require('../../lib/util/backoffDelay')
const { certificates } = require('../../scripts/lib/certificates')
const { Stage, call, native } = require('../helpers/conformance')
const { until } = require('../helpers/peers/faulty')
const { BINARY, TEXT, frame, rawServer } = require('../../scripts/lib/frames')
const { hostile } = require('../helpers/peers/hostile')
const { NO_HOST } = require('../../scripts/lib/ports')
const { standIn, startLink } = require('../helpers/grapes/stand-in')
const { kBackoff, kConnection, kForgotten, kLose, kOpenConnections, kTransports, kWaiting } = require('../../lib/util/symbols')

const PING = 9

const MIB = 1024 * 1024

/** Its parse is another function, so that it works by its socket object. */
class Hooked extends TransportRPCClient {
  parse (data) {
    return super.parse(data)
  }
}

/** Servers that answer what `answer(rid)` says. */
function answering (stage, secure, count, answer) {
  return Promise.all(Array.from({ length: count }, () => rawServer(stage, async raw => {
    const [rid] = JSON.parse((await raw.next()).text)
    raw.send(frame(TEXT, answer(rid)))
  }, { secure: secure && certificates().server })))
}

for (const Transport of [undefined, Hooked]) {
  hostile(`the results that a map keeps count in the memory budget${Transport ? ', where hooks are replaced' : ''}`, async ({ stage, secure, implementation }) => {
    const text = JSON.stringify('x'.repeat(3 * MIB))
    const elements = `[${'{},'.repeat(50000)}0]`
    for (const [result, most] of [[text, 5], [elements, 6]]) {
      const servers = await answering(stage, secure, 8, rid => `["${rid}",null,${result}]`)
      const peer = stage.client(implementation, servers.map(({ dest }) => dest), { memoryBudget: 16 * MIB, ...(secure && { secure }) }, Transport)
      const { err, res } = await call(peer, 'map', 'key', 1, {})
      assert.strictEqual(err && err.message, 'ERR_MEMORY_BUDGET')
      assert.ok(res.filter(result => result !== undefined).length <= most)
      // What they counted is free again.
      const [again] = await answering(stage, secure, 1, rid => `["${rid}",null,${result}]`)
      peer.link = stage.link(again.dest)
      assert.strictEqual((await call(peer, 'map', 'key', 1, {})).err, null)
    }
  })
}

test('of transports without a connection a pool keeps 256, and of all 4,096, those that were used last', t => {
  const pool = new Pool()
  pool.init()
  t.after(() => pool.stop())
  let stopped = 0
  const transport = (id, waiting = 0) => ({ id, [kWaiting]: waiting, _req_last_ts: id, isActive: () => true, stop: () => stopped++ })
  for (let id = 0; id < 1000; id++) {
    const one = transport(id)
    pool.add(`dest ${id}`, one)
    pool[kLose](`dest ${id}`, one)
  }
  assert.deepStrictEqual(pool.all().map(({ id }) => id), Array.from({ length: 256 }, (_, at) => 744 + at))
  for (let id = 1000; id < 20000; id++) pool.add(`dest ${id}`, transport(id))
  assert.ok(pool.all().length <= 4096, `${pool.all().length} transports`)
  assert.ok(pool.hasActive('dest 19999'))
  assert.ok(stopped > 15000)
  // What is under way has its own limits.
  for (let id = 20000; id < 30000; id++) pool.add(`dest ${id}`, transport(id, 1))
  for (let id = 20000; id < 30000; id++) assert.ok(pool.hasActive(`dest ${id}`))
})

hostile('destinations that fail are not kept, however many a grape names', async ({ stage, secure, implementation }) => {
  // It takes anybody's connection, and ends it.
  const server = net.createServer(socket => socket.on('error', () => {}).destroy()).listen(0, '0.0.0.0')
  await once(server, 'listening')
  stage.after(() => server.close())
  const { port } = server.address()
  let named = 0
  const peer = stage.client(implementation, [], secure && { secure })
  peer.link = { lookup: (key, opts, cb) => cb(null, Array.from({ length: 200 }, () => `127.1.${++named >> 8}.${named & 255}:${port}`)) }
  for (let round = 0; round < 3; round++) assert.ok((await call(peer, 'map', 'key', 1, {})).err)
  await until(() => peer.tpool.all().every(transport => transport[kWaiting] === 0))
  assert.ok(peer.tpool.all().length <= 256, `${peer.tpool.all().length} transports`)
  // One that has left works again, and is stopped with its peer.
  const [last] = peer.tpool.all()
  peer.tpool.del(last.conf.dest, last)
  const { err } = await call(last, 'request', 'key', 1, {})
  assert.ok(err)
  assert.ok(peer.tpool.all().includes(last))
})

hostile('a link that is stopped begins no exchange, and whoever waits is told', async ({ stage, secure, implementation }) => {
  const grapes = await Promise.all([1, 2].map(() => standIn(stage, () => undefined, secure && certificates().server)))
  const link = startLink(stage, implementation, grapes.map(({ url }) => url), { tls: { rejectUnauthorized: false }, requestTimeout: 200 })
  const waiting = [
    call(link, 'lookup', 'key', { retry: { times: 5, interval: 100 } }), call(link, 'lookup', 'key'),
    call(link, 'get', 'hash'), call(link, 'put', { v: '1' }), call(link, 'announce', 'key', 1)
  ]
  // The first grape of each was asked, and has not answered.
  await Promise.race(grapes.map(grape => grape.arrived(4)))
  const asked = () => grapes[0].requests.length + grapes[1].requests.length
  const before = asked()
  link.stop()
  const texts = (await Promise.all(waiting)).map(({ err }) => err.message)
  // What changes something waits for its answer, of the grape that was asked.
  assert.deepStrictEqual(texts, [...Array(3).fill('ERR_TRANSPORT_CLOSE'), 'ERR_TIMEOUT', 'ERR_TIMEOUT'])
  assert.strictEqual((await call(link, 'lookup', 'other')).err.message, 'ERR_TRANSPORT_CLOSE')
  // Longer than the exchanges that were under way may take.
  await new Promise(resolve => setTimeout(resolve, 500))
  assert.strictEqual(asked(), before)
  assert.deepStrictEqual([link.stats().exchanges.pending, link.stats().requests.lookup.pending], [0, 0])
  // It may start again.
  link.start()
  assert.match((await call(link, 'lookup', 'key', { retry: 1 })).err.message, /^ERR_TIMEOUT$/)
  assert.ok(asked() > before)
})

test('a peer that is stopped tries nothing again', async t => {
  const peer = new (require('../../lib/PeerRPCClient'))({ lookup: (key, opts, cb) => cb(null, ['127.0.0.1:1']) }, {})
  peer.init()
  const answer = call(peer, 'request', 'key', 1, { retry: { times: 100, interval: 1000000 } })
  await until(() => peer.stats().connections.failed > 0)
  peer.stop()
  assert.strictEqual((await answer).err.message, 'ERR_TRANSPORT_CLOSE')
})

/** The waits of a subscriber before it connects again, while its server does what it does. */
async function waits (stage, onConnection, count) {
  const { dest } = await rawServer(stage, onConnection)
  const peer = new PeerSub(stage.link(dest), {})
  peer.init()
  stage.after(() => peer.stop())
  const failures = []
  const after = pause.waitAfter
  pause.waitAfter = (failed, wait) => {
    failures.push(failed)
    return after(failed, wait)
  }
  stage.after(() => { pause.waitAfter = after })
  peer.sub('key')
  await until(() => failures.length >= count)
  peer.stop()
  return failures.slice(0, count)
}

hostile('a subscriber that is taken in and ended at once waits longer each time', async ({ stage }) => {
  assert.deepStrictEqual(await waits(stage, raw => raw.socket.destroy(), 5), [1, 2, 3, 4, 5])
  const talks = raw => raw.socket.end(frame(TEXT, 'message'))
  assert.deepStrictEqual(await waits(stage, talks, 5), [1, 2, 3, 4, 5])
}, { tls: false })

hostile('a subscription that lasted for a while begins its waits anew', async ({ stage }) => {
  const t = require('node:test')
  const { now } = performance
  let later = 0
  const mocked = t.mock.method(performance, 'now', () => now.call(performance) + later)
  stage.after(() => mocked.mock.restore())
  let connections = 0
  const onConnection = async raw => {
    // A message shows that the subscriber has heard of the connection.
    raw.send(frame(TEXT, 'message'))
    await heard.shift()
    if (++connections === 3) later += 5000
    raw.socket.destroy()
  }
  const heard = []
  const tell = []
  for (let at = 0; at < 10; at++) heard.push(new Promise(resolve => tell.push(resolve)))
  const emit = PeerSub.prototype.emit
  const watched = t.mock.method(PeerSub.prototype, 'emit', function (event, ...args) {
    // After the last wait it may go on for a while.
    if (event === 'message' && tell.length > 0) tell.shift()()
    return emit.call(this, event, ...args)
  })
  stage.after(() => watched.mock.restore())
  assert.deepStrictEqual(await waits(stage, onConnection, 5), [1, 2, 1, 2, 3])
}, { tls: false })

hostile('a subscriber that is stopped is rid of what its publisher floods it with', async ({ stage }) => {
  const many = (bytes, count) => Buffer.concat(Array(count).fill(bytes))
  for (const [frames, enough] of [[many(frame(BINARY), 30000), 50000], [many(frame(PING), 30000), 50000], [many(frame(TEXT, 'text'), 10000), 20000]]) {
    const { dest } = await rawServer(stage, raw => {
      // Its close frame.
      raw.next().then(() => raw.socket.destroy())
      const pour = () => { while (!raw.socket.destroyed && raw.socket.write(frames)); }
      raw.socket.on('drain', pour)
      pour()
    })
    const peer = new PeerSub(stage.link(dest), {})
    peer.init()
    stage.after(() => peer.stop())
    const connected = once(peer, 'connected')
    peer.sub('key')
    await connected
    const [transport] = peer[kTransports]
    const { [kConnection]: connection } = transport
    let told = 0
    for (const name of ['onMessage', 'onPing']) connection[name] = () => told++
    await until(() => told > enough)
    peer.stop()
    const before = told
    // What is in the batch that is being delivered, and in one with something else.
    await until(() => connection.isClosed)
    assert.ok(told - before <= 2048, `${told - before} of ${told}`)
  }
}, { tls: false })

test('a client with TLS that is stopped does not read on and on from a server that floods it', async t => {
  const stage = new Stage(t)
  const MOST = 256 * MIB
  let ended
  const sent = new Promise(resolve => { ended = resolve })
  const many = Buffer.concat(Array(1000).fill(frame(TEXT, 'x'.repeat(1000))))
  const { dest } = await rawServer(stage, async raw => {
    await raw.next()
    let bytes = 0
    let isLeft = false
    const pour = () => {
      while (!raw.socket.destroyed && bytes < MOST) {
        if (isLeft) bytes += many.length
        if (!raw.socket.write(many)) return
      }
    }
    raw.socket.on('drain', pour)
    raw.socket.on('close', () => ended(bytes))
    // Its close frame.
    raw.next().then(() => { isLeft = true })
    pour()
  }, { secure: certificates().server })
  const peer = stage.client(native, dest, { secure: certificates().client })
  const answer = call(peer, 'request', 'key', 1, { timeout: 60000 })
  const [connection] = await new Promise(resolve => {
    const look = () => peer[kOpenConnections]().some(one => one.stream && one.stream.socket && one.stream.socket.bytesRead > 5 * MIB) ? resolve(peer[kOpenConnections]()) : setImmediate(look)
    look()
  })
  peer.stop()
  assert.ok((await answer).err)
  const read = connection.stream.socket.bytesRead
  await until(() => connection.isClosed)
  const { bytesRead } = connection.stream.socket
  assert.ok(bytesRead - read < 8 * MIB, `${bytesRead - read} bytes`)
  assert.ok(await sent < MOST)
})

test('a destination that fails is looked for in no kept answer but the one that is read', () => {
  let looks = 0
  class Watched extends Array {
    some (...args) { looks++; return super.some(...args) }
    includes (...args) { looks++; return super.includes(...args) }
    filter (...args) { looks++; return super.filter(...args) }
  }
  const link = new (require('../../lib/Link'))({})
  link.start()
  try {
    const { lookup } = link.cache
    for (let key = 0; key < 2500; key++) lookup.set(key, Watched.from(['a', 'b', `c ${key}`]))
    const kept = lookup.get(5)
    for (const dest of ['a', 'c 7', 'c 8', 'nowhere']) link.forget(dest)
    assert.strictEqual(looks, 0)
    assert.deepStrictEqual([...lookup.get(5)], ['b', 'c 5'])
    // Whoever has it keeps it as it was.
    assert.deepStrictEqual([...kept], ['a', 'b', 'c 5'])
    assert.deepStrictEqual([...lookup.get(7)], ['b'])
    link.forget('b')
    assert.strictEqual(lookup.get(7), undefined)
    assert.strictEqual(lookup.length, 2499)
    // What is found afterwards may be there again.
    lookup.set(7, ['a', 'b'])
    assert.deepStrictEqual(lookup.get(7), ['a', 'b'])
    // Others may be forgotten without end.
    for (let at = 0; at < 100000; at++) link.forget(`dest ${at}`)
    assert.ok(lookup[kForgotten].size <= 4096)
  } finally {
    link.stop()
  }
})

hostile('a subscriber whose lookup fails ends no process, though nobody listens for its errors', async ({ stage, secure, implementation }) => {
  let answer
  const grape = await standIn(stage, (request, res) => {
    res.writeHead(answer[0]).end(answer[1])
  }, secure && certificates().server)
  const link = startLink(stage, implementation, grape.url, { tls: { rejectUnauthorized: false } })
  const closed = startLink(stage, implementation, 'http://127.0.0.1:1')
  for (const [way, ...said] of [[link, 500, '"bad\\u001b[2J"'], [link, 200, '[]'], [link, 200, '"bad"'], [link, 200, '["x"]'], [closed]]) {
    answer = said
    const peer = new PeerSub(way, {})
    peer.init()
    stage.after(() => peer.stop())
    const warned = once(process, 'warning')
    peer.sub('the key')
    const [{ name, code, message }] = await warned
    assert.deepStrictEqual([name, code], ['GrenacheWarning', 'ERR_NO_SUBSCRIPTION'])
    assert.match(message, /^still looking for a publisher of the key, and nobody listens for error: [ -~]+$/)
  }
})

hostile('a destination that takes connections and ends them is left out longer each time', async ({ stage, secure, implementation }) => {
  const { dest } = await rawServer(stage, raw => raw.socket.destroy(), { secure: secure && certificates().server })
  const peer = stage.client(implementation, dest, secure && { secure })
  for (let failures = 1; failures < 4; failures++) {
    assert.ok((await call(peer, 'request', 'key', 1, {})).err)
    await until(() => peer[kBackoff]._failed.get(dest)?.failures === failures)
  }
})

hostile('a grape that switches protocols, or says nothing but that it goes on, is an error', async ({ stage, secure, implementation }) => {
  const answers = [
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\n\r\n',
    'HTTP/1.1 100 Continue\r\n\r\n',
    ''
  ]
  let answer
  const listener = socket => socket.on('error', () => {}).on('data', () => {
    if (answer === '') socket.destroy()
    else socket.write(answer)
  })
  const server = secure ? require('tls').createServer(certificates().server, listener) : net.createServer(listener)
  const open = new Set()
  server.on('connection', socket => {
    open.add(socket)
    socket.on('error', () => {}).once('close', () => open.delete(socket))
  })
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stage.after(() => {
    server.close()
    for (const socket of open) socket.destroy()
  })
  const link = startLink(stage, implementation, `http${secure ? 's' : ''}://127.0.0.1:${server.address().port}`, { tls: { rejectUnauthorized: false }, requestTimeout: 5000 })
  for (answer of answers) {
    const waits = answer.includes(' 100 ')
    const began = performance.now()
    const { err } = await call(link, 'get', 'hash', waits ? { timeout: 300 } : {})
    assert.ok(err instanceof Error && err.message, answer)
    assert.ok(performance.now() - began < 4500, `${performance.now() - began} ms: ${answer}`)
  }
})

hostile('keys and certificates are read once for all servers that a grape names', async ({ stage, implementation }) => {
  const { mock } = require('node:test')
  const tls = require('tls')
  const servers = await answering(stage, true, 10, rid => `["${rid}",null,"fine"]`)
  const mocked = mock.method(tls, 'createSecureContext')
  stage.after(() => mocked.mock.restore())
  const reads = () => mocked.mock.calls.filter(({ arguments: [options] }) => options.key).length
  const secure = { ...certificates().client }
  const peer = stage.client(implementation, servers.map(({ dest }) => dest), { secure })
  assert.deepStrictEqual((await call(peer, 'map', 'key', 1, {})).res, Array(10).fill('fine'))
  assert.strictEqual(reads(), 1)
  // Not those that were replaced.
  secure.ca = Buffer.from(secure.ca)
  const more = await answering(stage, true, 2, rid => `["${rid}",null,"fine"]`)
  mocked.mock.resetCalls()
  peer.link = stage.link(...more.map(({ dest }) => dest))
  const again = await call(peer, 'map', 'key', 1, {})
  assert.deepStrictEqual([again.err, again.res], [null, ['fine', 'fine']])
  assert.strictEqual(reads(), 1)
}, { tls: false })

hostile('names are looked up without the threads of Node, which others need', async ({ stage, implementation }) => {
  const [{ dest }] = await answering(stage, true, 1, rid => `["${rid}",null,"fine"]`)
  const grape = await standIn(stage, () => 'fine', certificates().server)
  const { mock } = require('node:test')
  const mocked = mock.method(require('dns'), 'lookup', () => {})
  stage.after(() => mocked.mock.restore())
  const peer = stage.client(implementation, dest.replace('127.0.0.1', 'localhost'), { secure: { ...certificates().client, rejectUnauthorized: false } })
  assert.strictEqual((await call(peer, 'request', 'key', 1, { timeout: 10000 })).res, 'fine')
  const at = (host, conf) => startLink(stage, implementation, grape.url.replace('127.0.0.1', host), { requestTimeout: 10000, tls: { rejectUnauthorized: false, ...conf } })
  for (const family of [undefined, 4, 'IPv4']) {
    assert.strictEqual((await call(at('localhost', { family }), 'get', 'hash')).res, 'fine')
  }
  // As Node says it.
  for (const conf of [{}, { autoSelectFamily: false }]) {
    const { err } = await call(at(NO_HOST, conf), 'get', 'hash', { timeout: 60000 })
    assert.strictEqual(err.message, `getaddrinfo ENOTFOUND ${NO_HOST}`)
    assert.deepStrictEqual([err.syscall, err.hostname], ['getaddrinfo', NO_HOST])
  }
  // Whoever brings a lookup has that.
  const own = at('somewhere.example', { lookup: (host, options, cb) => options.all ? cb(null, [{ address: '127.0.0.1', family: 4 }]) : cb(null, '127.0.0.1', 4) })
  assert.strictEqual((await call(own, 'get', 'hash')).res, 'fine')
  assert.strictEqual(mocked.mock.callCount(), 0)
}, { tls: false })

hostile('a resolver that never answers has the time of a handshake', async ({ stage, implementation }) => {
  const peer = stage.client(implementation, 'somewhere.example:80', { handshakeTimeout: 100, secure: { ...certificates().client, lookup: () => {} } })
  const { err } = await call(peer, 'request', 'key', 1, { timeout: 60000 })
  assert.strictEqual(err.message, 'Opening handshake has timed out')
  const link = startLink(stage, implementation, 'https://somewhere.example:443', { requestTimeout: 100, tls: { lookup: () => {} } })
  assert.strictEqual((await call(link, 'get', 'hash')).err.message, 'ERR_TIMEOUT')
}, { tls: false })

/** What a server may do in TLS 1.2, and in 1.3 before OpenSSL 3.5. */
const FIELDS = [
  { offer: { ciphers: 'DHE-RSA-AES128-GCM-SHA256' }, server: { dhparam: 'auto', maxVersion: 'TLSv1.2' } },
  { offer: { ecdhCurve: 'ffdhe8192' }, server: { minVersion: 'TLSv1.3' } }
]

hostile('no server makes a client or a link compute with large finite fields, unless they offer it', async ({ stage, implementation }) => {
  for (const { offer, server } of FIELDS) {
    const secure = { ...certificates().server, ...offer, ...server }
    const { dest } = await rawServer(stage, async raw => {
      const [rid] = JSON.parse((await raw.next()).text)
      raw.send(frame(TEXT, `["${rid}",null,"fine"]`))
    }, { secure })
    const grape = await standIn(stage, () => 'fine', secure)
    const ask = conf => Promise.all([
      call(stage.client(implementation, dest, { secure: { ...certificates().client, ...conf } }), 'request', 'key', 1, {}),
      call(startLink(stage, implementation, grape.url, { tls: { rejectUnauthorized: false, ...conf } }), 'get', 'hash')
    ])
    for (const { err, res } of await ask({})) {
      assert.match(String(err && err.message), /handshake failure/, `${res}`)
    }
    for (const { err, res } of await ask(offer)) assert.deepStrictEqual([err, res], [null, 'fine'])
  }
}, { tls: false })

hostile('a server says a few times that it goes on before it upgrades, and not for ever', async ({ stage, secure, implementation }) => {
  const { acceptOf } = require('../../lib/tls/tlsConnect')
  let heads
  const { createServer } = require(secure ? 'https' : 'http')
  const server = createServer(secure && certificates().server).on('upgrade', (req, socket) => {
    socket.on('error', () => {}).once('data', bytes => socket.end(frame(TEXT, `["${/"([^"]+)"/.exec(unmasked(bytes))[1]}",null,"fine"]`)))
    socket.write(`${heads}HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(req.headers['sec-websocket-key'])}\r\n\r\n`)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  stage.after(() => server.close())
  const ask = () => call(stage.client(implementation, `127.0.0.1:${server.address().port}`, secure && { secure }), 'request', 'key', 1, {})
  for (const head of ['100 Continue', '103 Early Hints\r\nlink: x']) {
    for (const count of [1, 32]) {
      heads = `HTTP/1.1 ${head}\r\n\r\n`.repeat(count)
      const { err, res } = await ask()
      assert.deepStrictEqual([err, res], [null, 'fine'])
    }
    heads = `HTTP/1.1 ${head}\r\n\r\n`.repeat(33)
    assert.strictEqual((await ask()).err.message, `Unexpected server response: ${parseInt(head)}`)
  }
})

/** The text of a client's short frame. */
function unmasked (bytes) {
  const at = (bytes[1] & 0x7f) === 126 ? 4 : 2
  const key = bytes.subarray(at, at + 4)
  return String(bytes.subarray(at + 4).map((byte, index) => byte ^ key[index & 3]))
}
