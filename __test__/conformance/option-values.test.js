'use strict'

// What values of options mean: docs/OPTIONS.md. Every documented option gets every odd value, in use;
// where the original has the option, it gets the same.

const assert = require('node:assert')
const http = require('http')
const { once } = require('events')
const grape = require('grenache-grape')
const { certificates } = require('../../scripts/lib/certificates')
const { call, each, native, original, pair } = require('../helpers/conformance')
const { freePort, freeUdpPort } = require('../../scripts/lib/ports')
const { rows } = require('../helpers/docs/api-page')
const { standIn, startLink } = require('../helpers/grapes/stand-in')

const DESTS = ['127.0.0.1:1337']
const better = { better: true }

const VALUES = [
  undefined, null, '', 0, -0, 1, 7, 1000, '5000', ' 5000 ', '1e3', '0x1000', 0.5, '2.5', 2 ** 31, 2 ** 40, Infinity, 'Infinity',
  -1, '-1', -Infinity, NaN, 'NaN', '5s', '1kb', 'abc', ' ', true, false, 'true', 'false', {}, { length: 1 }, [], [5], ['a'],
  () => true, Symbol('value'), 5n, new Date(5), Object.create(null), { valueOf () { throw new Error('asked') }, toString () { throw new Error('asked') } }
]

const shown = value => typeof value === 'string' ? `'${value}'` : typeof value === 'object' && value !== null ? Object.prototype.toString.call(value) : String(value)

/** The page's word on each option: `{ name, of, kind, zero }`. */
const PAGE = rows('OPTIONS.md').filter(({ kind }) => kind === 'Option').map(({ names: [name], cells }) => (
  { name, of: cells[1].replace(/`/g, ''), kind: cells[2].replace(/`/g, ''), zero: cells[3] }
))

const NUMBERS = ['ms', 'bytes', 'count', 'microseconds']
const CHOICES = ['libuv, tokio', 'random, least-pending, round-robin', 'disconnect, drop', 'fresh']

const isLeftOut = value => value === undefined || value === null || value === ''

/** Whether the page's text allows a value; said once more, and not by the code. */
function isAllowed ({ name, kind, zero }, value, least = 0) {
  if (isLeftOut(value)) return kind !== 'address' || value !== ''
  if (NUMBERS.includes(kind)) {
    if (name === 'check_maxPayloadSize' && value === '1kb') return true
    const isText = typeof value === 'string' && value.trim() !== '' && !Number.isNaN(Number(value))
    if (typeof value !== 'number' && !isText && value !== false) return false
    if (zero === 'refused') return Number(value) > 0
    return Number(value) >= least
  }
  if (CHOICES.includes(kind)) return kind.split(', ').includes(value)
  switch (kind) {
    case 'anything': return true
    case 'boolean': return typeof value === 'boolean'
    case 'text': return typeof value === 'string' || value === false
    case 'function': return typeof value === 'function'
    case 'object': return !value || typeof value === 'object'
    case 'port': return ['number', 'string'].includes(typeof value) && Number.isInteger(Number(value)) && value > 0 && value < 65536
    case 'text, array': return typeof value === 'string' || value === false || (Array.isArray(value) && value.every(one => typeof one === 'string'))
    case 'IPv4 address': return value === '127.0.0.1'
    case 'address': return (!value && value !== '') || typeof value === 'string'
    case 'address, array': return !value || typeof value === 'string' || (Array.isArray(value) && value.every(one => typeof one === 'string'))
    case 'text, URL, array': return typeof value === 'string' || (Array.isArray(value) && value.every(one => typeof one === 'string'))
    case 'array': return Array.isArray(value) && value.every(one => typeof one === 'number')
    case '*, array, function': return typeof value === 'function' || (Array.isArray(value) && value.every(one => typeof one === 'string'))
  }
  throw new Error(`what is the kind ${kind}?`)
}

function isRefusal (err, name, value) {
  return err instanceof TypeError && err.code === 'ERR_OPTION' && err.option === name && Object.is(err.value, value) &&
    err.message.startsWith(`ERR_OPTION: ${name} is `) && err.message.length < 300
}

/** What `make` does: what it returns, or ERR_OPTION where the value means nothing. */
function tried (option, value, make, least) {
  let made
  try {
    made = make()
  } catch (err) {
    assert(!isAllowed(option, value, least), `${option.of} ${option.name} ${shown(value)}: ${err.stack}`)
    assert(isRefusal(err, option.name, value), `${option.of} ${option.name} ${shown(value)}: ${err.stack}`)
    return null
  }
  assert(isAllowed(option, value, least), `${option.of} ${option.name} ${shown(value)} is taken`)
  return { made }
}

/** What a call ends with has nothing to do with the types of its options. */
function isDecent ({ err }, what) {
  assert(!err || (err.name === 'Error' && err.code !== 'ERR_OPTION'), `${what}: ${err && err.stack}`)
}

/** Values with which requests are answered: those that are no limit, or a large one. */
const isLarge = value => isLeftOut(value) || Number(value) === 0 || Number(value) >= 1000

const optionsOf = of => PAGE.filter(option => option.of === of)

const LISTENERS = { PeerRPCServer: ['Peer', 'PeerServer', 'PeerRPCServer'], PeerPub: ['Peer', 'PeerServer', 'PeerPub'] }

/** Those whose errors come when they listen: no such address. */
const LATER = ['host', 'secure']

for (const [name, owners] of Object.entries(LISTENERS)) {
  each(`C330: every option of a ${name} has a meaning for every value, or is refused by the constructor`, async ({ implementation, stage }) => {
    for (const option of owners.flatMap(optionsOf)) {
      for (const value of VALUES) {
        const conf = { [option.name]: value }
        const result = tried(option, value, () => new implementation[name]({}, conf))
        if (result === null) continue
        const peer = result.made
        peer.init()
        const transport = peer.transport('server')
        const what = `${name} ${option.name} ${shown(value)}`
        try {
          if (!LATER.includes(option.name) || isLeftOut(value) || value === false) {
            transport.listen(0)
            assert.strictEqual(transport.isListening(), true, what)
            const client = new implementation.PeerRPCClient(stage.link(`127.0.0.1:${transport.port}`), {})
            client.init()
            if (name === 'PeerRPCServer') {
              transport.on('request', (rid, key, payload, handler) => handler.reply(null, payload))
              const result = await call(client, 'request', 'k', 1, { timeout: 5000 })
              isDecent(result, what)
              if (NUMBERS.includes(option.kind) && isLarge(value)) assert.deepStrictEqual(result, { err: null, res: 1 }, what)
            }
            client.stop()
          }
        } finally {
          peer.stop()
        }
        assert.deepStrictEqual(conf, { [option.name]: value })
      }
    }
  }, better)
}

each('C330: every option of a PeerRPCClient has a meaning for every value, or is refused by the constructor', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  for (const option of ['Peer', 'PeerRPCClient'].flatMap(optionsOf)) {
    for (const value of VALUES) {
      const result = tried(option, value, () => new implementation.PeerRPCClient(stage.link(service.dest), { [option.name]: value }))
      if (result === null) continue
      const peer = result.made
      peer.init()
      const what = `${option.name} ${shown(value)}`
      // More than one, since some options matter for the second.
      for (let times = 0; times < 3; times++) {
        const result = await call(peer, 'request', 'k', 1, {})
        if (option.name === 'secure' && value) {
          assert.match(result.err.message, /^conf\.secure\.key must be a Buffer$/, what)
          continue
        }
        isDecent(result, what)
        if (NUMBERS.includes(option.kind) && isLarge(value)) assert.deepStrictEqual(result, { err: null, res: 1 }, what)
      }
      peer.stop()
    }
  }
}, better)

each('C330: every option of a PeerSub has a meaning for every value, or is refused by the constructor', async ({ implementation, stage }) => {
  const service = await stage.publisher(implementation)
  for (const option of ['Peer', 'PeerSub'].flatMap(optionsOf)) {
    for (const value of VALUES) {
      const result = tried(option, value, () => new implementation.PeerSub(stage.link(service.dest), { [option.name]: value }))
      if (result === null) continue
      const peer = result.made
      peer.init()
      const messages = peer[Symbol.asyncIterator]()
      if (!NUMBERS.includes(option.kind) || isLarge(value)) {
        peer.sub('k', {})
        await once(peer, 'connected')
      }
      peer.stop()
      assert.deepStrictEqual(await messages.next(), { value: undefined, done: true })
    }
  }
}, better)

each('C330: every option of a Link has a meaning for every value, or is refused by the constructor', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => DESTS)
  for (const option of optionsOf('Link')) {
    for (const value of VALUES) {
      const result = tried(option, value, () => new implementation.Link({ grape: grape.url, [option.name]: value }))
      if (result === null) continue
      const link = result.made.start()
      const result2 = await call(link, 'lookup', 'key', { retry: 1 })
      if (option.name === 'grape') assert.match(result2.err.message, /^ERR_GRAPE_URL: |ENOTFOUND|ECONNREFUSED/)
      else isDecent(result2, `${option.name} ${shown(value)}`)
      if (NUMBERS.includes(option.kind) && isLarge(value)) assert.deepStrictEqual(result2, { err: null, res: DESTS }, `${option.name} ${shown(value)}`)
      link.stop()
    }
  }
}, better)

each('C330: every option of a Grape has a meaning for every value, or is refused by the constructor', async ({ implementation }) => {
  for (const option of optionsOf('Grape')) {
    for (const value of VALUES) {
      // Of an address and a file others know whether they can be.
      if (['host', 'dht_state'].includes(option.name) && typeof value === 'string' && value !== '') continue
      const conf = { host: '127.0.0.1', dht_port: 0, api_port: 0, [option.name]: value }
      const result = tried(option, value, () => new implementation.Grape(conf))
      if (result === null) continue
      const grape = result.made
      grape.on('warning', () => {})
      const { err } = await call(grape, 'start')
      const what = `${option.name} ${shown(value)}`
      if (err) assert.match(String(err.code || err.message), /^(ERR_SOCKET_BAD_PORT|ERR_NO_PORT|EACCES|EADDRINUSE)$/, what)
      if (err && NUMBERS.includes(option.kind)) assert.fail(`${what}: ${err}`)
      await call(grape, 'stop')
    }
  }
}, better)

each('C330: what is in conf.secure has a meaning, or is refused by the constructor, and no key is in a message', async ({ implementation }) => {
  const { server, client } = certificates()
  for (const [of, name, secure] of [['secure of a server', 'PeerRPCServer', { ...server, verifyClient: () => true }], ['secure of a client', 'PeerRPCClient', client]]) {
    for (const option of optionsOf(of)) {
      for (const value of VALUES) {
        const result = tried(option, value, () => new implementation[name]({}, { secure: { ...secure, [option.name]: value } }))
        if (result === null || name !== 'PeerRPCServer') continue
        result.made.init()
        const transport = result.made.transport('server').listen(0)
        assert.strictEqual(transport.isListening(), true)
        result.made.stop()
      }
    }
    assert.throws(() => new implementation[name]({}, { secure: String(secure.key) }), err => {
      return err.code === 'ERR_OPTION' && !require('util').inspect(err).includes('PRIVATE') && err.message === 'ERR_OPTION: secure is a string, and must be an object of options'
    })
  }
}, better)

each('C331: every option of a call has a meaning for every value, or is refused by the call before anything is begun', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const grape = await standIn(stage, () => DESTS)
  const link = startLink(stage, implementation, grape.url)
  let looked = 0
  const peer = new implementation.PeerRPCClient({ lookup: (key, opts, cb) => { looked++; cb(null, [service.dest]) } }, {})
  peer.init()
  stage.after(() => peer.stop())
  const transport = peer.transport(service.dest)

  const calls = {
    'a call of request': ({ name }) => [
      [peer, 'request', 'k', 1],
      ...name === 'maxActiveKeyDests' ? [] : [[peer, 'map', 'k', 1]],
      ...name === 'timeout' ? [[transport, 'request', 'k', 1]] : []
    ],
    'a call of map': () => [[peer, 'map', 'k', 1]],
    'calls of both': ({ name }) => [[peer, 'request', 'k', 1], ...name === 'dest' ? [] : [[peer, 'map', 'k', 1]]],
    'calls of a link': ({ name }) => name === 'interval'
      ? [[link, 'startAnnouncing', 'k', 1]]
      : name === 'host'
        ? [[link, 'announce', 'k', 1], [link, 'startAnnouncing', 'k', 1]]
        : [[link, 'lookup', 'k'], [link, 'announce', 'k', 1], [link, 'startAnnouncing', 'k', 1], [link, 'put', { v: 'a' }], [link, 'get', 'hash'], [link, 'request', 'some', 1]]
  }
  for (const [of, callsOf] of Object.entries(calls)) {
    const options = optionsOf(of)
    assert(options.length > 0)
    for (const option of options) {
      const least = option.name === 'timeout' ? -Infinity : 0
      for (const [object, method, ...args] of callsOf(option)) {
        for (const value of VALUES) {
          const before = [looked, grape.requests.length]
          const what = `${method} ${option.name} ${shown(value)}`
          const result = tried(option, value, () => {
            let answer
            const answered = new Promise(resolve => { answer = resolve })
            object[method](...args, { [option.name]: value }, (err, res) => answer({ err, res }))
            return answered
          }, least)
          if (result === null) {
            assert.deepStrictEqual([looked, grape.requests.length], before, what)
          } else {
            const outcome = await result.made
            isDecent(outcome, what)
            if (NUMBERS.includes(option.kind) && isLarge(value)) assert(!outcome.err, `${what}: ${outcome.err}`)
          }
          if (method === 'startAnnouncing') assert.strictEqual(link.stopAnnouncing('k', 1), result === null ? false : undefined, what)
        }
      }
    }
  }
}, better)

each('C331: a call that returns a Promise rejects, and one with a signal leaves nothing on it', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const peer = stage.client(implementation, service.dest)
  const link = startLink(stage, implementation, 'http://127.0.0.1:1')
  const is = name => ({ name: 'TypeError', code: 'ERR_OPTION', option: name, value: 'abc' })
  await assert.rejects(peer.request('k', 1, { timeout: 'abc' }), is('timeout'))
  await assert.rejects(peer.map('k', 1, { limit: 'abc' }), is('limit'))
  await assert.rejects(peer.transport(service.dest).request('k', 1, { timeout: 'abc' }), is('timeout'))
  for (const [method, ...args] of [['lookup', 'k'], ['announce', 'k', 1], ['startAnnouncing', 'k', 1], ['put', { v: 'a' }], ['get', 'hash']]) {
    await assert.rejects(link.promises[method](...args, { timeout: 'abc' }), is('timeout'))
  }
  const { signal } = new AbortController()
  let listeners = 0
  const { addEventListener } = signal
  signal.addEventListener = (...args) => {
    listeners++
    return addEventListener.apply(signal, args)
  }
  for (const object of [peer, peer.transport(service.dest)]) {
    assert.throws(() => object.request('k', 1, { timeout: 'abc', signal }, () => {}), is('timeout'))
  }
  assert.strictEqual(listeners, 0)
}, better)

each('C331: stop with a drain that means nothing rejects, and stops nothing', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const peer = stage.client(implementation, service.dest)
  assert.deepStrictEqual(await call(peer, 'request', 'k', 1, {}), { err: null, res: 1 })
  const [option] = optionsOf('a call of stop')
  for (const object of [peer, service, service.client, peer.tpool.all()[0]]) {
    for (const value of VALUES.filter(value => !isAllowed(option, value, -Infinity))) {
      await assert.rejects(object.stop({ drain: value }), err => isRefusal(err, 'drain', value))
      assert.strictEqual(object.isActive(), true)
    }
  }
  assert.deepStrictEqual(await call(peer, 'request', 'k', 2, {}), { err: null, res: 2 })
  // A text of a number is one; what is none is no time.
  for (const drain of ['5000', undefined, null, '', 0, false, -1, -Infinity]) {
    const one = stage.client(implementation, service.dest)
    const answered = call(one, 'request', 'k', 3, {})
    const stopped = one.stop({ drain })
    assert.strictEqual(stopped instanceof Promise, drain === '5000', shown(drain))
    await stopped
    assert.strictEqual((await answered).err === null, drain === '5000', shown(drain))
    assert.strictEqual(one.isActive(), false)
  }
}, better)

each('C331: every option of sub has a meaning for every value, or is refused, and so is an order that a grape does not know', ({ implementation }) => {
  for (const option of optionsOf('a call of sub')) {
    for (const value of VALUES) {
      const peer = new implementation.PeerSub({ lookup () {} }, {})
      peer.init()
      tried(option, value, () => peer.sub('k', { all: true, [option.name]: value }))
      peer.stop()
    }
  }
  assert.throws(() => new implementation.Grape({}).lookup('k', { order: 'old' }, () => {}), err => isRefusal(err, 'order', 'old'))
}, better)

// What the original has too

pair('C332: a request with a timeout of 0 is not over at once', async ({ server, client, stage }) => {
  const service = await stage.serve(server, (rid, key, payload, handler) => setTimeout(() => handler.reply(null, payload), 30))
  const peer = stage.client(client, service.dest)
  for (const method of ['request', 'map']) {
    const { err } = await call(peer, method, 'k', 1, { timeout: 0 })
    assert.strictEqual(err, null)
  }
  assert.deepStrictEqual(await call(stage.client(client, service.dest, { requestTimeout: 0 }), 'request', 'k', 1, {}), { err: null, res: 1 })
})

for (const value of [undefined, null, '', 0, false, Infinity, 'Infinity', '5000', 5000]) {
  pair(`C332: a requestTimeout and a timeout of ${shown(value)} let a request be answered`, async ({ server, client, stage }) => {
    const service = await stage.serve(server, (rid, key, payload, handler) => setTimeout(() => handler.reply(null, payload), 30))
    const peer = stage.client(client, service.dest, { requestTimeout: value })
    assert.deepStrictEqual(await call(peer, 'request', 'k', 1, {}), { err: null, res: 1 })
    assert.deepStrictEqual(await call(peer, 'request', 'k', 1, { timeout: value }), { err: null, res: 1 })
  })
}

each('C332: a timeout that is a text of a number is as long', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation, () => {})
  for (const [conf, opts] of [[{ requestTimeout: '50' }, {}], [{}, { timeout: '50' }], [{}, { timeout: 49.5 }], [{ requestTimeout: '1e9' }, { timeout: -1 }]]) {
    assert.strictEqual((await call(stage.client(implementation, service.dest, conf), 'request', 'k', 1, opts)).err.message, 'ERR_TIMEOUT')
  }
}, better)

for (const value of [2, '2', 1.5]) {
  pair(`C333: maxActiveDestTransports and limit of ${shown(value)} count to two`, async ({ server, client, stage }) => {
    const services = await Promise.all([1, 2, 3].map(() => stage.serve(server)))
    const dests = services.map(({ dest }) => dest)
    for (const [conf, opts] of [[{ maxActiveDestTransports: value }, {}], [{ maxActiveDestTransports: 7 }, { maxActiveDestTransports: value }]]) {
      const peer = stage.client(client, dests[0], conf)
      for (let times = 0; times < 6; times++) assert.deepStrictEqual(await call(peer, 'request', 'k', 1, opts), { err: null, res: 1 })
      assert.strictEqual(peer.tpool.list(dests[0]).length, 2)
    }
    if (value !== 1.5) assert.strictEqual((await call(stage.client(client, dests), 'map', 'k', 1, { limit: value })).res.length, 2)
  })
}

for (const value of [undefined, null, '', 0, false]) {
  pair(`C333: a call's limit, maxActiveKeyDests and maxActiveDestTransports of ${shown(value)} are as if left out`, async ({ server, client, stage }) => {
    const services = await Promise.all([1, 2].map(() => stage.serve(server)))
    const peer = stage.client(client, services.map(({ dest }) => dest), { maxActiveDestTransports: 1 })
    const opts = { limit: value, maxActiveKeyDests: value, maxActiveDestTransports: value }
    for (let times = 0; times < 3; times++) {
      assert.deepStrictEqual(await call(peer, 'map', 'k', 1, opts), { err: null, res: [1, 1] })
      assert.deepStrictEqual(await call(peer, 'request', 'k', 1, opts), { err: null, res: 1 })
    }
    assert.strictEqual(peer.tpool.list(services[0].dest).length, 1)
  })
}

each('C333: maxActiveKeyDests of 0 leaves all to be chosen from', async ({ implementation, stage }) => {
  const services = await Promise.all([1, 2].map(() => stage.serve(implementation)))
  const peer = stage.client(implementation, services.map(({ dest }) => dest), { maxActiveKeyDests: 0, balance: 'round-robin' })
  for (let times = 0; times < 4; times++) assert.deepStrictEqual(await call(peer, 'request', 'k', 1, {}), { err: null, res: 1 })
  for (const { dest } of services) assert.strictEqual(peer.tpool.hasActive(dest), true)
}, better)

for (const [conf, isKept] of [
  [{ lruMaxSizeLookup: 0 }, true], [{ lruMaxSizeLookup: '' }, true], [{ lruMaxSizeLookup: false }, true], [{ lruMaxSizeLookup: '1' }, true], [{ lruMaxSizeLookup: Infinity }, true],
  [{ lruMaxAgeLookup: 0 }, true], [{ lruMaxAgeLookup: false }, true], [{ lruMaxAgeLookup: '60000' }, true], [{ lruMaxAgeLookup: Infinity }, true], [{ lruMaxAgeLookup: 1 }, false], [{ lruMaxAgeLookup: '1' }, false]
]) {
  each(`C334: with ${JSON.stringify(conf)} a link ${isKept ? 'keeps' : 'does not keep'} an answer`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, () => DESTS)
    const link = startLink(stage, implementation, grape.url, conf)
    assert.deepStrictEqual(await call(link, 'lookup', 'key', {}), { err: null, res: DESTS })
    await new Promise(resolve => setTimeout(resolve, 10))
    assert.deepStrictEqual(await call(link, 'lookup', 'key', {}), { err: null, res: DESTS })
    assert.strictEqual(grape.requests.length, isKept ? 1 : 2)
  })
}

for (const [interval, from, to] of [
  [1000, 500, 1500], ['1000', 500, 1500], [0, 60000, 180000], [undefined, 60000, 180000], [null, 60000, 180000], ['', 60000, 180000], [false, 60000, 180000], [NaN, 60000, 180000, 'refused']
]) {
  each(`C335: startAnnouncing with an interval of ${shown(interval)} announces again when it is over`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, () => 1)
    const link = startLink(stage, implementation, grape.url)
    const waits = watchTimers(stage)
    if (Number.isNaN(interval) && implementation === native) {
      assert.throws(() => link.startAnnouncing('k', 1, { interval }), err => isRefusal(err, 'interval', interval))
      return
    }
    await new Promise(resolve => link.startAnnouncing('k', 1, { interval }, resolve))
    await new Promise(resolve => setImmediate(resolve))
    const again = waits.filter(wait => wait >= 500 && wait !== 2500 && wait !== 5000)
    link.stop()
    assert.strictEqual(again.length, 1, String(waits))
    assert(again[0] >= from && again[0] <= to, String(again))
  })
}

each('C335: an interval that is longer than a timer waits does not announce without a pause', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => 1)
  for (const interval of [Infinity, 3e9, 2 ** 31]) {
    const link = startLink(stage, implementation, grape.url)
    const waits = watchTimers(stage)
    await new Promise(resolve => link.startAnnouncing('k', 1, { interval }, resolve))
    assert(waits.every(wait => wait <= 0x7fffffff), String(waits))
    assert(waits.some(wait => wait > 1e9), String(waits))
    link.stop()
  }
}, better)

/** What timers are to wait from now on, in ms. */
function watchTimers (stage) {
  const waits = []
  const { setTimeout } = global
  global.setTimeout = (call, wait, ...args) => {
    waits.push(wait)
    return setTimeout(call, wait, ...args)
  }
  stage.after(() => { global.setTimeout = setTimeout })
  return waits
}

each('C336: retry takes what async.retry takes, and what it cannot make a number of is refused by the call', async ({ implementation, stage }) => {
  const peer = stage.client(implementation, '127.0.0.1:1')
  const link = startLink(stage, implementation, 'http://127.0.0.1:1')
  for (const [retry, name] of [[{ times: Symbol('s') }, 'retry.times'], [{ times: 5n }, 'retry.times'], [{ interval: 5n }, 'retry.interval'], [true, 'retry'], [5n, 'retry']]) {
    const is = { code: 'ERR_OPTION', option: name }
    assert.throws(() => peer.request('k', 1, { retry }, () => {}), is)
    for (const [method, ...args] of [['lookup', 'k'], ['announce', 'k', 1], ['startAnnouncing', 'k', 1], ['put', { v: 'a' }], ['get', 'hash'], ['request', 'some', 1]]) {
      assert.throws(() => link[method](...args, { retry }, () => {}), is, method)
    }
    // Nothing is kept of it.
    assert.strictEqual(link.stopAnnouncing('k', 1), false)
  }
  // A timer's longest wait, and no warning.
  const waits = watchTimers(stage)
  peer.request('k', 1, { retry: { times: 2, interval: Infinity } }, () => {})
  while (!waits.includes(0x7fffffff)) await new Promise(resolve => setImmediate(resolve))
}, better)

// Confs

each('C337: a conf is not changed, and may be frozen', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation, undefined, Object.freeze({ own: 1 }))
  for (const conf of [{ requestTimeout: 5000, maxActiveDestTransports: '2', own: { a: 1 } }, { requestTimeout: undefined }]) {
    const copy = { ...conf }
    assert.deepStrictEqual(await call(stage.client(implementation, service.dest, Object.freeze(conf)), 'request', 'k', 1, { timeout: 5000 }), { err: null, res: 1 })
    assert.deepStrictEqual(conf, copy)
  }
  new implementation.Link(Object.freeze({ grape: 'http://127.0.0.1:1', requestTimeout: undefined })).start().stop()
})

each('C337: a conf may have getters', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const peer = stage.client(implementation, service.dest, { get maxActiveDestTransports () { return 1 } })
  for (let times = 0; times < 3; times++) await call(peer, 'request', 'k', 1, { timeout: 5000 })
  assert.strictEqual(peer.tpool.list(service.dest).length, 1)
})

each('C337: a conf may inherit options', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation, undefined, Object.create({ host: '127.0.0.1', maxConnections: 2 }))
  assert.strictEqual(service.socket.address().address, '127.0.0.1')
  const peer = stage.client(implementation, service.dest, Object.create({ maxActiveDestTransports: 1, requestTimeout: 5000 }))
  for (let times = 0; times < 3; times++) assert.deepStrictEqual(await call(peer, 'request', 'k', 1, {}), { err: null, res: 1 })
  assert.strictEqual(peer.tpool.list(service.dest).length, 1)
  assert.strictEqual(peer.tpool.list(service.dest)[0].conf.requestTimeout, 5000)
  assert.throws(() => new implementation.PeerPub({}, Object.create({ maxPayload: '1kb' })), { code: 'ERR_OPTION', option: 'maxPayload' })
}, better)

each('C338: a subclass may change conf, or replace it, after the constructor', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  class Changing extends implementation.PeerRPCClient {
    constructor (link, conf) {
      super(link, conf)
      this.conf.maxActiveDestTransports = 1
    }
  }
  class Replacing extends implementation.PeerRPCClient {
    constructor (link, conf) {
      super(link, conf)
      this.conf = { maxActiveKeyDests: 5, maxActiveDestTransports: 1, mine: true }
    }
  }
  for (const Peer of [Changing, Replacing]) {
    const peer = new Peer(stage.link(service.dest), { maxActiveDestTransports: 5 })
    peer.init()
    stage.after(() => peer.stop())
    for (let times = 0; times < 3; times++) assert.deepStrictEqual(await call(peer, 'request', 'k', 1, { timeout: 5000 }), { err: null, res: 1 })
    assert.strictEqual(peer.tpool.list(service.dest).length, 1)
  }
})

each('C338: what means nothing and is put there later is the error of the request, of listen, or of sub', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  for (const [name, value] of [['maxPayload', '1kb'], ['handshakeTimeout', '5s'], ['requestTimeout', NaN], ['secure', 'key'], ['highWater', {}], ['memoryBudget', -1]]) {
    const peer = stage.client(implementation, service.dest)
    peer.conf[name] = value
    for (const retry of [1, 2]) {
      assert(isRefusal((await call(peer, 'request', 'k', 1, { retry })).err, name, value), name)
    }
    await assert.rejects(peer.map('k', 1), err => isRefusal(err, name, value))
    assert.strictEqual(peer.stats().requests.pending, 0)
  }
  // Whatever there is no number of a subclass counts nothing.
  const peer = stage.client(implementation, service.dest)
  peer.conf = {}
  for (let times = 0; times < 5; times++) assert.deepStrictEqual(await call(peer, 'request', 'k', 1, {}), { err: null, res: 1 })
  // Its options of a transport's request are what a hook makes of them.
  const hooked = stage.client(implementation, service.dest)
  hooked.getRequestOpts = () => ({ timeout: '5s' })
  assert(isRefusal((await call(hooked, 'request', 'k', 1, {})).err, 'timeout', '5s'))
}, better)

// Limits

each('C339: 0 is no limit of maxPayload, highWater, memoryBudget, handshakeTimeout, requestTimeout and what counts requests', async ({ implementation, stage }) => {
  const none = { maxPayload: 0, highWater: 0, memoryBudget: 0, handshakeTimeout: 0, requestTimeout: 0, maxConnectionRequests: 0, maxRequestBytes: 0, maxConnections: 0, maxRequests: 0 }
  const service = await stage.serve(implementation, (rid, key, payload, handler) => setTimeout(() => handler.reply(null, payload.length), 5), none)
  const peer = stage.client(implementation, service.dest, { ...none, maxActiveDestTransports: 1 })
  const answers = await Promise.all(Array.from({ length: 50 }, () => call(peer, 'request', 'k', 'x'.repeat(100000), {})))
  for (const answer of answers) assert.deepStrictEqual(answer, { err: null, res: 100000 })
}, better)

each('C339: a limit that is a text of a number is that number', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const answer = bytes => call(stage.client(implementation, service.dest, { maxPayload: '1000' }), 'request', 'k', 'x'.repeat(bytes), {})
  assert.strictEqual((await answer(500)).err, null)
  assert.strictEqual((await answer(1000)).err.message, 'ERR_TRANSPORT_CLOSE')
  const limited = stage.client(implementation, service.dest, { maxRequests: '1' })
  const [, second] = await Promise.all([1, 2].map(() => call(limited, 'request', 'k', 1, {})))
  assert.strictEqual(second.err.message, 'ERR_REQUESTS_LIMIT')
}, better)

each('C339: a memoryBudget above 2 GiB is as large as it says', ({ implementation }) => {
  const { OPTIONS } = require('../../lib/options/optionTable')
  assert.strictEqual(OPTIONS.Peer.memoryBudget.of(4 * 2 ** 30), 4 * 2 ** 30)
  assert.strictEqual(new implementation.PeerRPCServer({}, { memoryBudget: 4 * 2 ** 30 }).conf.memoryBudget, 4 * 2 ** 30)
}, better)

// Grapes

/** A grape of each kind by itself; resolves with a function that posts `bytes` to it. */
async function grapeOf (stage, Grape, conf) {
  const port = await freePort()
  const grape = new Grape({ host: '127.0.0.1', dht_port: await freeUdpPort(), dht_bootstrap: false, api_port: port, ...conf })
  await new Promise((resolve, reject) => grape.start(err => err ? reject(err) : resolve()))
  stage.after(() => new Promise(resolve => grape.stop(resolve)))
  return body => new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path: '/lookup', method: 'POST', agent: false }, response => {
      response.resume()
      resolve(response.statusCode)
    })
    request.on('error', reject)
    request.end(body)
  })
}

const padded = bytes => JSON.stringify({ rid: '', data: 'k' }).padEnd(bytes)

for (const [kind, Grape] of [['original', grape.Grape], ['native', native.Grape]]) {
  for (const [value, limit] of [['1kb', 1024], ['1KB', 1024], ['512', 512], [512, 512], ['1.5kb', 1536], ['300b', 300], [0, 0]]) {
    each(`C340: check_maxPayloadSize of ${shown(value)} takes bodies of ${limit} bytes, a grape of the ${kind} kind`, async ({ stage }) => {
      const post = await grapeOf(stage, Grape, { check_maxPayloadSize: value })
      if (limit > 0) assert.strictEqual(await post(padded(limit)), 200)
      assert.strictEqual(await post(padded(limit + 100)), 413)
    }, better)
  }

  for (const value of [0, Infinity, '60000']) {
    each(`C341: with dht_peer_maxAge of ${shown(value)} an announce is found for long, a grape of the ${kind} kind`, async ({ stage }) => {
      const conf = { dht_peer_maxAge: value, host: '127.0.0.1' }
      const port = await freeUdpPort()
      const grapes = []
      for (const bootstrap of [false, `127.0.0.1:${port}`]) {
        const grape = new Grape({ dht_port: bootstrap ? await freeUdpPort() : port, dht_bootstrap: bootstrap ? [bootstrap] : false, api_port: await freePort(), ...conf })
        await new Promise((resolve, reject) => {
          grape.once('ready', resolve)
          grape.start(err => err && reject(err))
        })
        stage.after(() => new Promise(resolve => grape.stop(resolve)))
        grapes.push(grape)
      }
      await new Promise((resolve, reject) => grapes[1].announce('k', 1234, err => err ? reject(err) : resolve()))
      await new Promise(resolve => setTimeout(resolve, 100))
      const found = await new Promise((resolve, reject) => grapes[1].lookup('k', (err, found) => err ? reject(err) : resolve(found)))
      assert.deepStrictEqual(found, ['127.0.0.1:1234'])
    }, better)
  }
}

// Both, value by value

/** A value that means nothing, as docs/MIGRATING.md says, and that the original may take. */
const REFUSED = value => !isLeftOut(value) && value !== false && !(Number(typeof value === 'string' && value.trim() === '' ? NaN : safely(value)) >= 0)

function safely (value) {
  return ['number', 'string'].includes(typeof value) ? value : NaN
}

function isNoMore (value) {
  try {
    return value <= 0
  } catch (err) {
    return false
  }
}

for (const name of ['requestTimeout', 'inactivityTimeout', 'maxActiveKeyDests', 'maxActiveDestTransports']) {
  each(`C342: a client with a value of ${name} that works in the original works, unless it means nothing`, async ({ implementation, stage }) => {
    const service = await stage.serve(implementation)
    for (const value of VALUES) {
      const what = `${name} ${shown(value)}`
      const works = async ({ PeerRPCClient }) => {
        let peer
        try {
          peer = new PeerRPCClient(stage.link(service.dest), { [name]: value })
          peer.init()
          for (let times = 0; times < 2; times++) {
            const { err, res } = await new Promise((resolve, reject) => {
              try {
                peer.request('k', 1, { timeout: 5000 }, (err, res) => resolve({ err, res }))
              } catch (err) {
                reject(err)
              }
            })
            if (err || res !== 1) return false
          }
          return true
        } catch (err) {
          return err.code === 'ERR_OPTION' ? 'refused' : false
        } finally {
          if (peer) peer.stop()
        }
      }
      const ours = await works(native)
      // It asks a destination that is none, and ends the process.
      const theirs = name === 'maxActiveKeyDests' && isNoMore(value) ? false : await works(original)
      if (ours === 'refused') assert(REFUSED(value) || !theirs, what)
      else assert.strictEqual(ours, true, what)
    }
  }, better)
}

each('C342: a conf of the original that throws there may throw here, and one that is taken is, unless it means nothing', ({ implementation }) => {
  const shared = {
    PeerRPCClient: ['requestTimeout', 'inactivityTimeout', 'maxActiveKeyDests', 'maxActiveDestTransports'],
    Link: ['requestTimeout', 'monitorTimeout', 'lruMaxSizeLookup', 'lruMaxAgeLookup'],
    Grape: ['dht_maxTables', 'dht_maxValues', 'dht_concurrency', 'dht_nodeLiveness', 'dht_peer_maxAge', 'check_maxPayloadSize', 'api_port', 'dht_port', 'dht_bootstrap']
  }
  const theirs = { ...original, Grape: grape.Grape }
  const taken = (Class, ...args) => {
    try {
      return new Class(...args) && true
    } catch (err) {
      return false
    }
  }
  for (const [name, options] of Object.entries(shared)) {
    for (const option of options) {
      for (const value of VALUES) {
        const args = name === 'PeerRPCClient' ? [{}, { [option]: value }] : [{ [option]: value }]
        if (!taken(theirs[name], ...args) || taken(implementation[name], ...args)) continue
        const isRefused = REFUSED(value) || (option === 'maxActiveDestTransports' && Number(value) === 0)
        assert(isRefused && option !== 'monitorTimeout', `${name} ${option} ${shown(value)} is taken by the original`)
      }
    }
  }
}, better)
