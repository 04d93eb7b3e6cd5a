'use strict'

// Attacks on the HTTP API of a grape, by programs and by web pages.

const assert = require('node:assert')
const dgram = require('dgram')
const { once } = require('events')
const fs = require('fs')
const http = require('http')
const net = require('net')
const os = require('os')
const path = require('path')
const { Grape, Link } = require('../..')
const { limited } = require('../../scripts/lib/child')
const { PATIENCE, hostile } = require('../helpers/peers/hostile')
const { residentMiB, until } = require('../helpers/peers/faulty')
const { compact, idOf, query, read, response, socket } = require('../helpers/grapes/krpc')
const { kEmbedded } = require('../../lib/util/symbols')

/** A case against a grape alone, on loopback. */
function api (title, body, { conf, limits } = {}) {
  hostile(title, async ({ stage, startServer }) => {
    const grape = await startServer({ role: 'grape', conf }, limits)
    const crowd = new Crowd(grape.port)
    stage.after(() => crowd.end())
    await body({ grape, crowd, port: grape.port, stage })
  }, { tls: false })
}

/** Many connections of one attacker. */
class Crowd {
  constructor (port) {
    this.port = port
    this.sockets = []
  }

  /** One more that has sent `bytes`; it reads nothing unless somebody listens. */
  open (bytes) {
    const socket = net.connect(this.port, '127.0.0.1')
    socket.on('error', () => {})
    if (bytes) socket.write(bytes)
    this.sockets.push(socket)
    return socket
  }

  async openMany (count, bytes, { batch = 200 } = {}) {
    for (let at = 0; at < count; at += batch) {
      const some = Array.from({ length: Math.min(batch, count - at) }, () => this.open(bytes))
      await Promise.all(some.map(socket => new Promise(resolve => {
        if (!socket.connecting) return resolve()
        socket.once('connect', resolve).once('close', resolve)
      })))
    }
  }

  end () {
    for (const socket of this.sockets) socket.destroy()
  }
}

/** One exchange over a connection of its own; resolves with `{ status, headers, text }`. */
function exchange (port, path, { method = 'POST', headers, body, timeout = PATIENCE } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request({ port, host: '127.0.0.1', path, method, headers, agent: false, timeout })
    request.on('timeout', () => request.destroy(new Error(`${path} was not answered in time`)))
    request.on('error', reject)
    request.on('response', async response => {
      let text = ''
      for await (const part of response.setEncoding('utf8')) text += part
      resolve({ status: response.statusCode, headers: response.headers, text })
    })
    request.end(body)
  })
}

const json = data => JSON.stringify({ rid: 'any', data })

const post = (port, type, data, headers) => exchange(port, `/${type}`, { body: json(data), headers })

const get = (port, path, opts) => exchange(port, path, { method: 'GET', ...opts })

let names = 0

/** The grape serves others: an announce and a lookup, each within a second. */
async function mustServe (port) {
  const name = `honest ${names++}`
  assert.strictEqual((await post(port, 'announce', [name, 1337])).text, '1')
  assert.deepStrictEqual(JSON.parse((await post(port, 'lookup', name)).text), ['127.0.0.1:1337'])
}

const headOf = (type, length, more = '') =>
  `POST /${type} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${length}\r\n${more}\r\n`

api('any number of watchers holds up nobody', async ({ crowd, port, grape }) => {
  await crowd.openMany(4500, 'GET /watch HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await mustServe(port)
  // The latest watcher is one.
  const request = http.get({ host: '127.0.0.1', port, path: '/watch', agent: false })
  const [response] = await limited(once(request, 'response'), 'a watcher\'s answer')
  assert.strictEqual(response.statusCode, 200)
  const ended = new Promise(resolve => response.resume().on('error', () => {}).on('close', resolve))
  await grape.kill()
  await limited(ended, 'the end of the watched')
})

api('when all places are taken the idlest goes, and never one with a request under way', async ({ crowd, port }) => {
  const body = json('comes later')
  const working = crowd.open(headOf('lookup', body.length) + body)
  let answer = ''
  working.setEncoding('utf8').on('data', text => { answer += text })
  await once(working, 'connect')
  await crowd.openMany(4500)
  await mustServe(port)
  assert.strictEqual(answer, '', 'the lookup is under way')
  await post(port, 'announce', ['comes later', 1338])
  await until(() => answer.includes('["127.0.0.1:1338"]'))
}, { conf: { grace: 15000 } })

const lookupOf = name => headOf('lookup', json(name).length) + json(name)

const statusOf = async port => JSON.parse((await get(port, '/status')).text)

/** Nodes that make each lookup of the grape take its 5 s: they answer late, and name the next one. */
async function tarpit (stage, grape) {
  const nodes = await Promise.all(Array.from({ length: 4 }, () => socket(stage)))
  const told = { asked: 0 }
  const timers = []
  stage.after(() => timers.forEach(clearTimeout))
  nodes.forEach((own, at) => own.on('message', (datagram, { port }) => {
    const { q, t } = read(datagram)
    if (q === undefined) return
    const id = idOf(`tarpit ${at}`)
    if (q === 'ping') return own.to(port, response({ id }, t))
    told.asked++
    const next = nodes[at + 1]
    const named = next ? compact(idOf(`tarpit ${at + 1}`), next.port) : ''
    timers.push(setTimeout(() => own.to(port, response({ id, nodes: named }, t)), 1500))
  }))
  nodes[0].to(await grape.ask('dht'), query('ping', { id: idOf('tarpit 0') }))
  await until(async () => (await statusOf(grape.port)).known_nodes === 1)
  return told
}

api('lookups that take long keep nobody out, and the oldest of too many are told so', async ({ crowd, grape, port, stage }) => {
  await tarpit(stage, grape)
  const told = []
  const look = async (count, name) => {
    const from = crowd.sockets.length
    await crowd.openMany(count, lookupOf(name))
    crowd.sockets.slice(from).forEach((socket, at) => socket.setEncoding('utf8').on('data', text => {
      if (text.includes('ERR_GRAPE_BUSY')) told.push({ at: from + at, latest: crowd.sockets.length, text })
    }))
  }
  for (let at = 0; at < 21; at++) await look(200, `slow ${at}`)
  for (let at = 0; at < 20; at++) {
    assert.strictEqual((await get(port, '/health', { timeout: PATIENCE })).status, 200)
  }
  assert.strictEqual((await get(port, '/status')).status, 200)
  // On a busy machine lookups end while others begin, and those go first whose requests were not read so far.
  for (let at = 0; told.length === 0 && at < 100; at++) await look(200, `more ${at}`)
  const [first] = told
  assert.match(first.text, /^HTTP\/1.1 503 /)
  assert(first.at < first.latest - 2000, `${first.at} of ${first.latest}`)
})

api('a lookup ends when nobody waits for it any more', async ({ crowd, grape, port, stage }) => {
  const told = await tarpit(stage, grape)
  for (let at = 0; at < 100; at++) crowd.open(lookupOf(`left ${at}`))
  await until(() => told.asked >= 100)
  const began = Date.now()
  crowd.end()
  await until(async () => (await statusOf(port)).counters.walks >= 100)
  assert(Date.now() - began < 3000, `${Date.now() - began} ms`)
})

api('heads have a limit of bytes, and of headers', async ({ crowd, port, grape }) => {
  const long = `GET / HTTP/1.1\r\nhost: localhost\r\nlong: ${'x'.repeat(400000)}`
  await crowd.openMany(2000, long)
  await mustServe(port)
  assert(residentMiB(grape.process.pid) < 256)
  const many = Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`h${at}`, 'x']))
  assert.strictEqual((await get(port, '/health', { headers: many })).status, 431)
  assert.strictEqual((await get(port, '/health', { headers: { long: 'x'.repeat(8000) } })).status, 200)
})

api('answers that nobody reads cost little memory', async ({ crowd, port, grape, stage }) => {
  for (let at = 0; at < 1000; at++) await post(port, 'announce', [`service ${at} ${'x'.repeat(1000)}`, 1000])
  const before = residentMiB(grape.process.pid)
  let most = before
  const timer = setInterval(() => { most = Math.max(most, residentMiB(grape.process.pid)) }, 20)
  stage.after(() => clearInterval(timer))
  await crowd.openMany(600, 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(200))
  await mustServe(port)
  // Small ones, and as many as it takes.
  await crowd.openMany(60, 'GET /no HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(50000))
  for (const end = Date.now() + 2000; Date.now() < end;) await mustServe(port)
  assert(most - before < 64, `${most - before} MiB`)
})

api('slow heads, slow bodies and unread answers end in time, and a watcher is told that the grape lives', async ({ crowd, port }) => {
  for (let at = 0; at < 500; at++) await post(port, 'announce', [`service ${at} ${'x'.repeat(150)}`, 1000])
  const drip = (start, byte) => {
    const socket = crowd.open(start)
    const timer = setInterval(() => socket.write(byte), 200)
    return new Promise(resolve => socket.resume().on('close', () => {
      clearInterval(timer)
      resolve()
    }))
  }
  const began = Date.now()
  const unread = Array.from({ length: 3 }, () => crowd.open('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(300)))
  const gone = unread.map(socket => new Promise(resolve => {
    // It shows when something is sent to it: not a byte is read.
    const timer = setInterval(() => socket.write('x'), 200)
    socket.on('close', () => {
      clearInterval(timer)
      resolve()
    })
  }))
  const watch = http.get({ host: '127.0.0.1', port, path: '/watch', agent: false })
  const [response] = await once(watch, 'response')
  const beat = once(response, 'data')
  await limited(Promise.all([
    drip('GET / HTTP/1.1\r\nhost: localhost\r\nslow: ', 'x'),
    drip(headOf('lookup', 8000), ' '),
    drip(headOf('lookup', 0).replace('content-length: 0', 'transfer-encoding: chunked'), '1\r\n \r\n'),
    ...gone
  ]), 'the end of the slow')
  assert(Date.now() - began > 5000, 'patient with the slow')
  assert.strictEqual((await limited(beat, 'a heartbeat'))[0].toString(), '\n')
  watch.destroy()
})

api('strangers\' names make no page long, and none becomes HTML', async ({ port }) => {
  const evil = ['"><img src=x onerror=alert(1)>', '\u202egnp.exe', 'a\u0000b\u001b[2J', '\\" \n}', '</script><!--']
  for (const name of evil) await post(port, 'announce', [name, 1000])
  for (let at = 0; at < 800; at++) await post(port, 'announce', [`"${'<'.repeat(7000)}${at}`, 1000])
  const began = Date.now()
  const pages = await Promise.all(Array.from({ length: 50 }, () => get(port, '/', { timeout: 5000 })))
  assert(Date.now() - began < 5000)
  const [{ text }] = pages
  assert(text.length < 1 << 20, `${text.length} characters`)
  assert.match(text, /\d+ more addresses are on the others/)
  for (const part of ['<img', '\u202e', '\u0000', '\u001b', '<!--']) assert(!text.includes(part), part)
  const status = await get(port, '/status')
  assert(status.text.length < 1 << 20)
  const { services, addresses_left_out: left } = JSON.parse(status.text)
  assert.strictEqual(services.length + left, evil.length + 800)
  // All of them are on some page, and whoever asks for many pages gets them one after the other.
  const names = new Set()
  const { pages: count } = JSON.parse(status.text)
  assert(count > 1)
  const all = await Promise.all(Array.from({ length: count }, (_, at) => get(port, `/status?page=${at + 1}`, { timeout: 10000 })))
  for (const { text } of all) {
    assert(text.length < 1 << 20)
    const { services, page } = JSON.parse(text)
    for (const { name, addresses } of services) names.add(`${name} ${addresses} ${page}`)
    assert.deepStrictEqual(services.map(({ name }) => name), services.map(({ name }) => name).sort())
  }
  assert(names.size >= count + evil.length)
  for (const filter of ['"><img src=x>', '</script><!--', '\u202e', 'x'.repeat(9000), '%00', '&page=2', '<']) {
    const { text } = await get(port, `/?page=1e9&filter=${encodeURIComponent(filter)}`)
    assert(text.length < 1 << 20)
    for (const part of ['<img', '\u202e', '\u0000', '<!--', '"><']) assert(!text.replace(/<style>.*<\/style>/, '').includes(`value="${part}`), part)
    assert.strictEqual(text.match(/<script/g).length, 1)
  }
  const flood = Array.from({ length: 200 }, (_, at) => get(port, `/?filter=${at}`, { timeout: 15000 }))
  await mustServe(port)
  await Promise.all(flood)
  const metrics = await get(port, '/metrics')
  for (const line of metrics.text.trim().split('\n')) assert.match(line, /^(# (HELP|TYPE) grape_\w+ .+|grape_\w+(\{\w+="\w+"\})? \d+)$/)
  await mustServe(port)
})

api('a web page controls nothing', async ({ port }) => {
  const origins = ['http://evil.example', 'null', `http://localhost:${port + 1}`, `http://evil.example:${port}`, `https://127.0.0.1.evil.example:${port}`]
  for (const type of ['announce', 'unannounce', 'put', 'lookup', 'get']) {
    for (const origin of origins) {
      const { status, text, headers } = await post(port, type, ['stolen', 80], { origin, 'content-type': 'text/plain' })
      assert.deepStrictEqual([status, text], [403, '"ERR_GRAPE_ORIGIN"'], origin)
      assert.deepStrictEqual(Object.keys(headers).filter(name => name.startsWith('access-control')), [])
    }
    for (const site of ['cross-site', 'same-site']) {
      assert.strictEqual((await post(port, type, ['stolen', 80], { 'sec-fetch-site': site })).status, 403)
    }
    for (const host of ['evil.example', `evil.example:${port}`, 'localhost.evil.example']) {
      const { status, text } = await post(port, type, ['stolen', 80], { host })
      assert.deepStrictEqual([status, text], [403, '"ERR_GRAPE_HOST"'], host)
    }
  }
  for (const page of ['/', '/status', '/metrics', '/health', '/watch']) {
    assert.strictEqual((await get(port, page, { headers: { host: `evil.example:${port}` } })).status, 403)
    assert.strictEqual((await get(port, page, { headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' } })).status, 403)
  }
  const preflight = { method: 'OPTIONS', headers: { origin: 'http://evil.example', 'access-control-request-method': 'POST' } }
  assert.strictEqual((await exchange(port, '/announce', preflight)).status, 403)
  assert.strictEqual((await post(port, 'lookup', 'stolen')).text, '[]')

  // Links, also old ones, and people go on.
  for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'any/thing; x=y', undefined]) {
    const headers = type && { 'content-type': type }
    assert.strictEqual((await post(port, 'announce', ['own', 80], headers)).text, '1')
  }
  const own = { origin: `http://127.0.0.1:${port}`, 'sec-fetch-site': 'same-origin' }
  assert.strictEqual((await post(port, 'lookup', 'own', own)).text, '["127.0.0.1:80"]')
  const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
  assert.strictEqual((await get(port, '/', { headers: link })).status, 200)
  for (const host of ['localhost', 'LOCALHOST:80', '127.1.2.3', '[::1]:1', 'grape.example', `0.0.0.0:${port}`]) {
    assert.strictEqual((await get(port, '/health', { headers: { host } })).status, 200, host)
  }
  // To this address browsers do not say which page asks.
  for (const page of [{ 'accept-language': 'en' }, { 'user-agent': 'Mozilla/5.0' }, { origin: `http://0.0.0.0:${port}` }]) {
    const { status, text } = await get(port, '/watch', { headers: { host: `0.0.0.0:${port}`, ...page } })
    assert.deepStrictEqual([status, text], [403, '"ERR_GRAPE_HOST"'], JSON.stringify(page))
  }
}, { conf: { api_hosts: ['grape.example'] } })

api('a name that a web page can give the machine reads nothing of it', async ({ port }) => {
  const pages = ['/', '/status', '/metrics', '/health', '/watch']
  const browser = { 'accept-language': 'en', 'user-agent': 'Mozilla/5.0' }
  for (const page of pages) {
    for (const more of [browser, { referer: 'http://evil.example/' }, { 'sec-fetch-site': 'same-origin' }]) {
      const { status, text } = await get(port, page, { headers: { host: `evil.example:${port}`, ...more } })
      assert.deepStrictEqual([status, text], [403, '"ERR_GRAPE_HOST"'], `${page} ${JSON.stringify(more)}`)
    }
  }
  for (const host of [`127.0.0.1:${port}`, '10.1.2.3', '[::1]', 'localhost', os.hostname(), 'grape:30001', 'grape.example']) {
    assert.strictEqual((await get(port, '/status', { headers: { host, ...browser } })).status, 200, host)
  }
  // Programs use the names that they were given.
  for (const host of ['grape.default.svc.cluster.local:30001', 'grape:30001', 'any.example']) {
    assert.strictEqual((await get(port, '/status', { headers: { host } })).status, 200, host)
    assert.strictEqual((await post(port, 'announce', ['name', 80], { host })).status, 200, host)
  }
}, { conf: { host: '0.0.0.0', api_hosts: ['grape.example'] } })

api('only a POST changes something, and what is not there is not found', async ({ port }) => {
  for (const type of ['announce', 'unannounce', 'put']) {
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const { status, headers } = await exchange(port, `/${type}`, { method, body: json(['name', 80]) })
      assert.deepStrictEqual([status, headers.allow], [405, 'POST'], method)
    }
  }
  assert.strictEqual((await post(port, 'lookup', 'name')).text, '[]')
  for (const path of ['/nothing', '/favicon.ico', '/status/more']) {
    assert.strictEqual((await get(port, path)).status, 404)
    assert.strictEqual((await exchange(port, path, { method: 'HEAD' })).status, 404)
  }
  assert.deepStrictEqual((({ status, text }) => [status, text])(await post(port, 'nothing', 1)), [200, '"ERR_REQ_NOTFOUND"'])
  for (const page of ['/', '/status', '/metrics', '/health', '/watch']) {
    const { status, text, headers } = await exchange(port, page, { method: 'HEAD' })
    assert.deepStrictEqual([status, text, headers['x-content-type-options']], [200, '', 'nosniff'], page)
  }
  const pipelined = net.connect(port, '127.0.0.1')
  pipelined.write('GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(50) + headOf('lookup', 15, 'connection: close\r\n') + '{"data":"name"}')
  let answers = ''
  for await (const part of pipelined.setEncoding('utf8')) answers += part
  assert.strictEqual(answers.split('HTTP/1.1 200 OK').length, 52)
  assert(answers.endsWith('\r\n\r\n[]'))
  const health = await get(port, '/health')
  assert.deepStrictEqual([health.status, health.text], [200, 'ok\n'])
  assert.match(health.headers.server, /^grenache-nodejs-ws-native\//)
})

const WATCH = 'GET /watch HTTP/1.1\r\nhost: localhost\r\n\r\n'

api('a watch that ends makes no service announce again, while the grape is the same', async ({ crowd, port, stage }) => {
  await crowd.openMany(1024, WATCH)
  for (const watcher of crowd.sockets) watcher.resume()
  await until(() => crowd.sockets.every(({ bytesRead }) => bytesRead > 0))
  const link = new Link({ grape: 'embedded', grapePort: port })
  stage.after(() => link.stop())
  link.start()
  let looks = 0
  const look = link[kEmbedded]._look
  link[kEmbedded]._look = function (isNew) {
    looks++
    look.call(this, isNew)
  }
  await new Promise(resolve => link.startAnnouncing('key', 1337, {}, resolve))
  await until(async () => {
    crowd.open(WATCH)
    await new Promise(resolve => setTimeout(resolve, 20))
    return looks > 4
  })
  assert.deepStrictEqual(JSON.parse((await post(port, 'lookup', 'key')).text), ['127.0.0.1:1337'])
  assert.strictEqual((await statusOf(port)).counters.announces, 1)
})

hostile('what has the port of an embedded grape cannot put off saying who it is', async ({ stage }) => {
  const server = http.createServer((req, res) => {
    if (req.url === '/watch') return res.writeHead(200).flushHeaders()
    const timer = setInterval(() => res.write('{'), 100)
    res.on('close', () => clearInterval(timer))
  }).listen(0, '127.0.0.1')
  stage.after(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  const { port } = server.address()
  for (const start of [true, false]) {
    const link = new Link({ grape: 'embedded', grapePort: port })
    stage.after(() => link.stop())
    if (start) link.start()
    // The first may be told that it took too long.
    const asked = () => new Promise(resolve => link.lookup('key', { retry: 1 }, resolve))
    await until(async () => (await asked()).code === 'ERR_GRAPE_FOREIGN')
  }
}, { tls: false })

hostile('a grape does not start with a limit that is none', async () => {
  const names = ['dht_maxTables', 'dht_maxValues', 'dht_concurrency', 'dht_rateLimit', 'check_maxPayloadSize']
  for (const name of names) {
    for (const value of [-1, 'many', NaN, {}]) {
      assert.throws(() => new Grape({ [name]: value }), { code: 'ERR_OPTION', option: name }, `${value}`)
      const grape = new Grape({ host: '127.0.0.1', dht_port: 0, api_port: 0 })
      grape.conf[name] = value
      const err = await new Promise(resolve => grape.start(resolve))
      assert.strictEqual(err && err.code, 'ERR_OPTION', `${name} ${value}`)
    }
  }
  const grape = new Grape({ host: '127.0.0.1', dht_port: 0, api_port: 0, check_maxPayloadSize: Infinity, dht_rateLimit: '100' })
  assert(!await new Promise(resolve => grape.start(resolve)))
  await new Promise(resolve => grape.stop(resolve))
}, { tls: false })

api('no JSON harms: depth, numbers, names twice, and data of every kind', async ({ port }) => {
  const raw = (type, body) => exchange(port, `/${type}`, { body })
  const deep = depth => '['.repeat(depth) + ']'.repeat(depth)
  for (const body of [deep(200000), `{"data":${deep(200000)}}`, `{"data":[${deep(200)},1]}`, '{"data":'.repeat(50000)]) {
    const { status, text } = await raw('lookup', body)
    assert.deepStrictEqual([status, text], body === deep(200000) ? [200, '"ERR_GRAPE_LOOKUP"'] : [500, 'ERR_GRAPE_PAYLOAD_INVALID'])
  }
  assert.strictEqual((await raw('lookup', `{"rid":${deep(200000)},"data":"name"}`)).text, '[]')
  assert.strictEqual((await raw('announce', '{"data":5,"data":["twice",80]}')).text, '1')
  for (const port of ['9223372036854775808', '-1', '65536', '1e300', '18446744073709551616', '1e-5', '[]', '{"a":{}}']) {
    assert.strictEqual((await raw('announce', `{"data":["name",${port}]}`)).text, '"ERR_GRAPE_SERVICE_PORT"', port)
  }
  const values = ['null', 'true', '5', '1.5', '1e300', '-9223372036854775809', '"text"', '"\\ud800"', '[]', '[null]', '{}', '{"data":{}}', '{"hash":{}}', '{"v":{"a":[1e300]}}', '{"key":[]}', '{"v":1,"k":{"data":["x"]}}', '{"v":1,"k":5,"cas":1e300}']
  for (const type of ['lookup', 'announce', 'unannounce', 'put', 'get']) {
    for (const value of values) {
      const { status, text } = await raw(type, `{"data":${value}}`)
      assert([200, 500].includes(status), `${type} ${value}: ${status} ${text}`)
    }
  }
  await mustServe(port)
}, { conf: { check_maxPayloadSize: 1 << 20 } })

api('a flood of announces while JavaScript is busy fills no memory, and how many were lost is told', async ({ grape, stage, port }) => {
  const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1')
  stage.after(() => socket.close())
  await once(socket, 'listening')
  const dht = await grape.ask('dht')
  const text = value => `${Buffer.byteLength(value, 'latin1')}:${value}`
  const id = text('a'.repeat(20))
  const key = 'n'.repeat(7000)
  socket.send(Buffer.from(`d1:ad2:id${id}9:info_hash${text(key)}e1:q9:get_peers1:t2:aa1:y1:qe`, 'latin1'), dht, '127.0.0.1')
  let found = null
  while (found === null) found = /5:token(\d+):([^]*)/.exec((await once(socket, 'message'))[0].toString('latin1'))
  const [, length, rest] = found
  const token = text(rest.slice(0, +length))
  const announce = Buffer.from(`d1:ad2:id${id}9:info_hash${text(key)}4:porti1e5:token${token}e1:q13:announce_peer1:t2:aa1:y1:qe`, 'latin1')

  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grape-'))
  stage.after(() => fs.rmSync(folder, { recursive: true }))
  const file = path.join(folder, 'go on')
  await grape.ask('block', file)
  const told = { count: 0 }
  socket.on('message', () => { told.count++ })
  while (told.count < 12000) {
    for (let at = 0; at < 16; at++) socket.send(announce, dht, '127.0.0.1')
    // Each answer is an announce that was told. What is above the rate of one host is not answered.
    await new Promise(resolve => setTimeout(resolve, 1))
    assert.strictEqual(grape.process.signalCode, null, grape.stderr)
  }
  assert.strictEqual((await get(port, '/status')).status, 200)
  fs.writeFileSync(file, '')
  await until(async () => /^\d+ events announce were lost/.test((await grape.ask('heard')).warning.last))
  const { announce: heard } = await grape.ask('heard')
  assert(heard.count >= 100 && heard.count < 10000, `${heard.count}`)
}, { conf: { listen: ['announce', 'warning'] }, limits: { memory: 200 } })

api('a body that comes a byte at a time costs its bytes, and not a buffer for each', async ({ crowd, port, grape }) => {
  const before = residentMiB(grape.process.pid)
  await crowd.openMany(200, headOf('lookup', 8000))
  for (const socket of crowd.sockets) socket.setNoDelay(true)
  // Each in a segment of its own, within the time that a body may take.
  for (let round = 0; round < 300; round++) {
    for (const socket of crowd.sockets) socket.write(' ')
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  await mustServe(port)
  const grown = residentMiB(grape.process.pid) - before
  assert(grown < 48, `${grown} MiB for 60 kB`)
})
