'use strict'

// `sub` with `all`: every publisher of a key, also those that come later.

const assert = require('node:assert')
const { once } = require('events')
const { mock } = require('node:test')
const { MAX_PUBLISHERS } = require('../../lib/options/defaults')
const { run } = require('../../scripts/lib/child')
const { each } = require('../helpers/conformance')
const { startGrapes } = require('../../scripts/lib/grapes')
const { freePort } = require('../../scripts/lib/ports')
const { startLink } = require('../helpers/grapes/stand-in')
const { until } = require('../helpers/until')

const better = { better: true }
const FAST = { all: true, refresh: 100 }

/** A subscriber of what `list` has whenever it looks, with all that it tells in `heard`. */
function follower (stage, implementation, list, conf) {
  const peer = stage.subscriber(implementation, [], conf)
  peer.lookups = 0
  peer.link.lookup = (key, opts, cb) => {
    peer.lookups++
    if (list[0] instanceof Error) cb(list[0])
    else if (list.length === 0) cb(new Error('ERR_GRAPE_LOOKUP_EMPTY'))
    else cb(null, [...list])
  }
  peer.heard = []
  for (const event of ['connected', 'message']) peer.on(event, (...args) => peer.heard.push([event, ...args]))
  return peer
}

const connected = peer => peer.heard.filter(([event]) => event === 'connected').map(([, dest]) => dest)
const messages = peer => peer.heard.filter(([event]) => event === 'message').map(([, ...args]) => args)
const publishers = (stage, implementation, count) => Promise.all(Array.from({ length: count }, () => stage.publisher(implementation)))
const destsOf = services => services.map(({ dest }) => dest)
const sorted = list => [...list].sort()
const clients = service => service.socket.clients.size

each('C414: sub with all hears every publisher, each message with its address', async ({ implementation, stage }) => {
  const services = await publishers(stage, implementation, 3)
  const peer = follower(stage, implementation, destsOf(services))
  peer.sub('key', { all: true })
  await until(() => connected(peer).length === 3)
  assert.deepStrictEqual(sorted(connected(peer)), sorted(destsOf(services)))
  services.forEach((service, at) => {
    service.pub(`from ${at}`)
    service.pub(Buffer.from([at]))
  })
  await until(() => messages(peer).length === 6)
  for (const [at, { dest }] of services.entries()) {
    assert.deepStrictEqual(messages(peer).filter(([, from]) => from === dest), [[`from ${at}`, dest], [Buffer.from([at]), dest]])
  }
  assert.deepStrictEqual(services.map(clients), [1, 1, 1])
}, better)

each('C414: one that comes later is heard too, and one that is there is not subscribed to again', async ({ implementation, stage }) => {
  const list = []
  const peer = follower(stage, implementation, list)
  peer.on('error', err => assert.fail(err))
  peer.sub('key', FAST)
  const [first, second] = await publishers(stage, implementation, 2)
  list.push(first.dest)
  await until(() => connected(peer).length === 1)
  list.push(second.dest, first.dest)
  await until(() => connected(peer).length === 2)
  const { lookups } = peer
  await until(() => peer.lookups > lookups + 2)
  assert.deepStrictEqual(connected(peer), [first.dest, second.dest])
  assert.deepStrictEqual([clients(first), clients(second)], [1, 1])
}, better)

each('C414: one that is lost is tried again while lookups name it, whoever listens, and then no more', async ({ implementation, stage }) => {
  const port = await freePort()
  const list = [`127.0.0.1:${port}`]
  const serve = () => {
    const publisher = new implementation.PeerPub({}, {})
    publisher.init()
    stage.after(() => publisher.stop())
    return publisher.transport('server').listen(port)
  }
  let service = serve()
  const errors = []
  let lost = 0
  const peer = follower(stage, implementation, list)
  peer.on('disconnected', dest => {
    assert.strictEqual(dest, list[0])
    lost++
  })
  peer.on('error', err => errors.push(err.code))
  peer.sub('key', { all: true, refresh: 0 })
  await until(() => connected(peer).length === 1)
  service.stop()
  await until(() => lost === 1 && errors.length > 0)
  service = serve()
  await until(() => connected(peer).length === 2)
  service.pub('again')
  await until(() => messages(peer).length === 1)
  assert.deepStrictEqual([...new Set(errors)], ['ECONNREFUSED'])
  assert.strictEqual(peer.lookups, 1)
  // Named no more, and lost.
  const [gone] = list.splice(0)
  peer.sub('key', FAST)
  const { lookups } = peer
  await until(() => peer.lookups > lookups)
  assert.strictEqual(clients(service), 1, 'it is kept while it is connected')
  peer.removeAllListeners('disconnected')
  const disconnected = once(peer, 'disconnected')
  service.stop()
  assert.deepStrictEqual(await disconnected, [gone])
  const seen = errors.length
  const before = peer.lookups
  await until(() => peer.lookups > before + 5)
  assert.strictEqual(errors.length, seen)
}, better)

each('C414: a lookup that fails is an error where somebody listens, and followed by others', async ({ implementation, stage }) => {
  const list = [new Error('no grape')]
  const peer = follower(stage, implementation, list)
  const warned = mock.method(process, 'emitWarning', () => {})
  stage.after(() => warned.mock.restore())
  peer.sub('key', FAST)
  await until(() => peer.lookups > 1)
  assert.strictEqual(warned.mock.callCount(), 0)
  const [err] = await new Promise(resolve => peer.on('error', (...args) => resolve(args)))
  assert.strictEqual(err, list[0])
  const service = await stage.publisher(implementation)
  list[0] = service.dest
  await until(() => connected(peer).length === 1)
}, better)

each('C414: exclude and self leave publishers out', async ({ implementation, stage }) => {
  const services = await publishers(stage, implementation, 3)
  const network = await startGrapes(false, {}, implementation.Grape)
  stage.after(network.stop)
  const link = startLink(stage, implementation, network.urls[0], { lruMaxAgeLookup: 1 })
  const other = startLink(stage, implementation, network.urls[0])
  const peer = follower(stage, implementation, [])
  peer.link = link
  await link.promises.startAnnouncing('key', services[0].port)
  await other.promises.startAnnouncing('key', services[1].port)
  await other.promises.startAnnouncing('key', services[2].port)
  peer.sub('key', { all: true, self: false, exclude: [services[1].dest] })
  await until(() => connected(peer).length > 0)
  assert.deepStrictEqual(services.map(clients), [0, 0, 1])
  assert.throws(() => peer.sub('other', { all: true, exclude: 5 }), { code: 'ERR_OPTION' })
}, better)

each('C414: for await has the messages of all', async ({ implementation, stage }) => {
  const services = await publishers(stage, implementation, 2)
  const peer = follower(stage, implementation, destsOf(services))
  peer.sub('key', FAST)
  await until(() => connected(peer).length === 2)
  services.forEach((service, at) => service.pub(String(at)))
  const heard = []
  for await (const message of peer) if (heard.push(message) === 2) break
  assert.deepStrictEqual(sorted(heard), ['0', '1'])
}, better)

each('C414: it follows no more publishers than a lookup can name; those go first that it names no more', async ({ implementation, stage }) => {
  const dests = count => Array.from({ length: count }, (_, at) => `127.0.0.1:${at + 1}`)
  const list = dests(MAX_PUBLISHERS + 50)
  const open = new Set()
  class Quiet extends implementation.TransportSub {
    sub () {
      open.add(this.conf.dest)
      this.connected()
    }

    stop () {
      open.delete(this.conf.dest)
      super.stop()
    }
  }
  const peer = follower(stage, implementation, list)
  peer.getTransportClass = () => Quiet
  peer.sub('key', { all: true, refresh: 0 })
  assert.strictEqual(open.size, MAX_PUBLISHERS)
  const newest = list.splice(MAX_PUBLISHERS)
  // All of these are connected, and half of them are named.
  list.splice(0, MAX_PUBLISHERS / 2)
  list.push(...newest)
  peer.sub('key', { all: true, refresh: 0 })
  assert.strictEqual(open.size, MAX_PUBLISHERS)
  for (const dest of list) assert.ok(open.has(dest), dest)
  peer.unsub('key')
  assert.strictEqual(open.size, 0)
}, better)

each('C415: unsub ends what sub began, of that key alone', async ({ implementation, stage }) => {
  const services = await publishers(stage, implementation, 2)
  const peer = follower(stage, implementation, destsOf(services))
  const single = await stage.publisher(implementation)
  peer.sub('key', FAST)
  await until(() => connected(peer).length === 2)
  peer.link.lookup = (key, opts, cb) => cb(null, [single.dest])
  peer.sub('single')
  await until(() => connected(peer).length === 3)
  peer.unsub('key')
  await until(() => services.every(service => clients(service) === 0))
  single.pub('still here')
  await until(() => messages(peer).length === 1)
  assert.deepStrictEqual(messages(peer), [['still here']])
  peer.unsub('single')
  peer.unsub('single')
  peer.unsub('never')
  await until(() => clients(single) === 0)
  peer.sub('key', FAST)
  await until(() => connected(peer).length === 4)
}, better)

each('C415: unsub ends a subscription whose lookup is under way, and one that waits to be made again', async ({ implementation, stage }) => {
  const service = await stage.publisher(implementation)
  const peer = follower(stage, implementation, [])
  for (const opts of [undefined, FAST]) {
    const held = []
    peer.link.lookup = (key, opts, cb) => held.push(cb)
    peer.sub('key', opts)
    peer.unsub('key')
    held[0](null, [service.dest])
  }
  const gone = `127.0.0.1:${await freePort()}`
  peer.link.lookup = (key, opts, cb) => {
    peer.lookups++
    cb(null, [gone])
  }
  peer.sub('key', { reconnect: true })
  const err = await new Promise(resolve => peer.once('error', resolve))
  assert.strictEqual(err.code, 'ECONNREFUSED')
  peer.unsub('key')
  peer.link.lookup = () => assert.fail('it looked up')
  await new Promise(resolve => setTimeout(resolve, 250))
  assert.deepStrictEqual([peer.heard, clients(service), peer.lookups], [[], 0, 1])
}, better)

each('C414 C415: following keeps the process alive until unsub, and stop ends it', async () => {
  for (const end of ['peer.unsub("key")', 'peer.stop()', 'peer.stop({ drain: 500 })']) {
    const result = await run(`
      const { PeerSub } = require(pkg)
      const peer = new PeerSub({ lookup: (key, opts, cb) => cb(new Error('ERR_GRAPE_LOOKUP_EMPTY')) }, {})
      peer.init()
      peer.sub('key', { all: true, refresh: 100 })
      setTimeout(() => {
        console.log('alive')
        ${end}
      }, 300).unref()
    `)
    assert.deepStrictEqual(result, { code: 0, signal: null, stdout: 'alive\n', stderr: '' })
  }
}, better)

each('C414: without all a message has no second argument', async ({ implementation, stage }) => {
  const service = await stage.publisher(implementation)
  const peer = follower(stage, implementation, [service.dest])
  peer.sub('key', { all: false })
  await until(() => connected(peer).length === 1)
  service.pub('text')
  await until(() => messages(peer).length === 1)
  assert.deepStrictEqual(messages(peer), [['text']])
}, better)

each('C414: a publisher that ends each connection is tried less and less often', async ({ implementation, stage }) => {
  const service = await stage.publisher(implementation)
  const accepted = []
  service.socket.on('connection', socket => {
    accepted.push(performance.now())
    socket.send('something')
    socket.close()
  })
  const peer = follower(stage, implementation, [service.dest])
  peer.sub('key', FAST)
  await until(() => accepted.length === 5)
  // Half of 100, 200, 400, 800 ms at least; Node's timers may be a little early.
  for (let at = 1; at < accepted.length; at++) {
    const wait = accepted[at] - accepted[at - 1]
    assert.ok(wait >= 50 * 2 ** (at - 1) - 5, `wait ${at}: ${wait}`)
  }
  assert.ok(peer.lookups > 5, 'lookups in between change nothing')
}, better)

each('C414: of a grape that names others each time nothing piles up', async ({ implementation, stage }) => {
  const list = []
  const peer = follower(stage, implementation, list)
  const made = new Set()
  const transport = peer.transport
  peer.transport = function (...args) {
    const one = transport.apply(this, args)
    made.add(one)
    return one
  }
  for (let round = 0; round < 20; round++) {
    list.splice(0, Infinity, ...Array.from({ length: 256 }, (_, at) => `127.${round + 1}.0.${at % 250 + 1}:${at + 1}`))
    peer.sub('key', { all: true, refresh: 0 })
    const active = [...made].filter(one => one.isActive())
    assert.strictEqual(active.length, 256)
    for (const one of made) if (!one.isActive()) made.delete(one)
  }
  peer.unsub('key')
  assert.deepStrictEqual([...made].filter(one => one.isActive()), [])
}, better)
