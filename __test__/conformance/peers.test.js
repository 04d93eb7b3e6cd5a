'use strict'

// What all peers share, how they stop, and subscribing peers.

const assert = require('node:assert')
const EventEmitter = require('events')
const { once } = EventEmitter
const net = require('net')
const { call, each, pair, reachable } = require('../helpers/conformance')
const { freePort } = require('../helpers/grapes')

const PEERS = ['PeerRPCClient', 'PeerRPCServer', 'PeerPub', 'PeerSub']
const POOL = { maxActiveKeyDests: 5, maxActiveDestTransports: 3 }

/** What a peer of this name adds to its conf. */
const defaultsOf = name => name === 'PeerRPCClient' ? POOL : {}

each('C39: every peer is an EventEmitter with conf and link', ({ implementation }) => {
  for (const name of PEERS) {
    const link = { lookup () {} }
    const peer = new implementation[name](link, { mine: 1 })
    assert.ok(peer instanceof EventEmitter, name)
    assert.strictEqual(peer.link, link)
    assert.deepStrictEqual(peer.conf, { ...defaultsOf(name), mine: 1 })
    let got
    peer.on('some', data => { got = data })
    peer.emit('some', 5)
    assert.strictEqual(got, 5)
  }
})

each('C40: a conf is not needed', ({ implementation }) => {
  for (const name of PEERS) {
    const link = {}
    const peer = new implementation[name](link)
    assert.deepStrictEqual(peer.conf, defaultsOf(name))
    assert.strictEqual(peer.link, link)
  }
})

pair('C40 C41: peers without a conf work, and with a link of any kind', async ({ server, client, stage }) => {
  const serving = new server.PeerRPCServer({})
  serving.init()
  const service = serving.transport('server')
  service.on('request', (rid, key, payload, handler) => handler.reply(null, payload))
  const port = await freePort()
  service.listen(port)
  stage.after(() => {
    service.stop()
    serving.stop()
  })
  await reachable(port)

  class Known {
    constructor () {
      this.asked = []
    }

    lookup (...args) {
      this.asked.push(args)
      args[2](null, [`127.0.0.1:${port}`])
    }
  }
  const link = new Known()
  const peer = new client.PeerRPCClient(link)
  peer.init()
  stage.after(() => peer.stop())
  assert.deepStrictEqual(await call(peer, 'request', 'the:key', 1, {}), { err: null, res: 1 })
  assert.deepStrictEqual(await call(peer, 'map', 'other:key', 2, {}), { err: null, res: [2] })
  const [[key, opts, cb], [second]] = link.asked
  assert.strictEqual(key, 'the:key')
  assert.deepStrictEqual(opts, {})
  assert.strictEqual(typeof cb, 'function')
  assert.strictEqual(second, 'other:key')
})

each('C41: an error of the link is the error of the request', async ({ implementation, stage }) => {
  const peer = stage.client(implementation, [])
  const failure = new Error('nobody knows')
  peer.link = { lookup: (key, opts, cb) => setImmediate(cb, failure) }
  for (const method of ['request', 'map']) {
    const { err, res } = await call(peer, method, 'k', 1, {})
    assert.strictEqual(err, failure)
    assert.strictEqual(res, undefined)
  }
})

each('C42: unknown keys of a conf are kept, also for the transports', ({ implementation, stage }) => {
  const mine = { deep: true }
  for (const name of PEERS) {
    const peer = new implementation[name]({}, { timeout: 1234, mine })
    peer.init()
    stage.after(() => peer.stop())
    assert.strictEqual(peer.conf.timeout, 1234)
    assert.strictEqual(peer.conf.mine, mine)
    const transport = peer.transport('127.0.0.1:1')
    stage.after(() => transport.stop())
    assert.strictEqual(transport.conf.timeout, 1234)
    assert.strictEqual(transport.conf.mine, mine)
  }
})

each('C43: isActive follows init and stop', ({ implementation }) => {
  for (const name of PEERS) {
    const peer = new implementation[name]({}, {})
    assert.strictEqual(peer.isActive(), false, name)
    peer.init()
    assert.strictEqual(peer.isActive(), true, name)
    peer.stop()
    assert.strictEqual(peer.isActive(), false, name)
  }
})

each('C44: stop calls _stop', ({ implementation }) => {
  for (const name of PEERS) {
    const stopped = []
    class Mine extends implementation[name] {
      _stop () {
        stopped.push(this.isActive())
        super._stop()
      }
    }
    const peer = new Mine({}, {})
    peer.init()
    peer.stop()
    assert.deepStrictEqual(stopped, [false], name)
  }
})

each('C54: the conf of a transport is that of the peer, defaults and dest', ({ implementation, stage }) => {
  const conf = { mine: [1], requestTimeout: 5 }
  const defaults = {
    PeerRPCClient: { ...POOL, inactivityTimeout: 120000, requestTimeout: 60000 },
    PeerRPCServer: {},
    PeerPub: {},
    PeerSub: {}
  }
  for (const name of PEERS) {
    const transportOf = conf => {
      const peer = new implementation[name]({}, conf)
      peer.init()
      stage.after(() => peer.stop())
      const transport = peer.transport('127.0.0.1:1')
      stage.after(() => transport.stop())
      return transport
    }
    assert.deepStrictEqual(transportOf({}).conf, { ...defaults[name], dest: '127.0.0.1:1' })
    assert.deepStrictEqual(transportOf(conf).conf, { ...defaults[name], ...conf, dest: '127.0.0.1:1' })
  }
})

pair('C45: stop ends sent requests with ERR_TIMEOUT at once', async ({ server, client, stage }) => {
  let come = 0
  let allCame
  const came = new Promise(resolve => { allCame = resolve })
  const service = await stage.serve(server, () => {
    if (++come === 5) allCame()
  })
  const peer = stage.client(client, service.dest)
  const ends = []
  for (let at = 0; at < 5; at++) peer.request('k', at, {}, (err, res) => ends.push([err.message, res]))
  await came
  assert.deepStrictEqual(ends, [])
  peer.stop()
  assert.deepStrictEqual(ends, Array(5).fill(['ERR_TIMEOUT', undefined]))
})

/** A port that takes connections and says nothing; resolves with its destination. */
async function mute (stage) {
  const sockets = []
  const port = net.createServer(socket => {
    sockets.push(socket)
    socket.on('error', () => {})
  }).listen(0, '127.0.0.1')
  await once(port, 'listening')
  stage.after(() => {
    for (const socket of sockets) socket.destroy()
    port.close()
  })
  return { dest: `127.0.0.1:${port.address().port}`, port }
}

each('C46: stop ends requests that wait for a connection with ERR_TRANSPORT_CLOSE', async ({ implementation, stage }) => {
  const { dest, port } = await mute(stage)
  const peer = stage.client(implementation, dest)
  const connected = once(port, 'connection')
  const ends = Promise.all(Array.from({ length: 5 }, () => call(peer, 'request', 'k', 1, {})))
  await connected
  peer.stop()
  for (const { err, res } of await ends) {
    assert.strictEqual(err.message, 'ERR_TRANSPORT_CLOSE')
    assert.strictEqual(res, undefined)
  }
})

pair('C46: a stop in the turn of the requests ends them too', async ({ server, client, stage }) => {
  let requests = 0
  const service = await stage.serve(server, () => requests++)
  const peer = stage.client(client, service.dest)
  const ends = Promise.all(Array.from({ length: 3 }, () => call(peer, 'request', 'k', 1, {})))
  peer.stop()
  for (const { err } of await ends) assert.strictEqual(err.message, 'ERR_TRANSPORT_CLOSE')
  assert.strictEqual(requests, 0)
})

pair('C47: stop closes the sockets of the pool', async ({ server, client, stage }) => {
  const service = await stage.serve(server)
  const connections = []
  service.socket.on('connection', socket => connections.push(socket))
  const peer = stage.client(client, service.dest)
  for (let at = 0; at < 3; at++) await call(peer, 'request', 'k', at, {})
  assert.strictEqual(connections.length, 3)
  const transports = peer.tpool.list(service.dest)
  assert.strictEqual(transports.length, 3)
  const closed = connections.map(socket => once(socket, 'close'))
  peer.stop()
  await Promise.all(closed)
  for (const transport of transports) {
    assert.strictEqual(transport.isActive(), false)
    assert.strictEqual(transport.isConnected(), false)
  }
  assert.deepStrictEqual(peer.tpool.list(service.dest), [])
})

each('C72: sub looks its key up with a timeout of 5000', ({ implementation, stage }) => {
  const peer = stage.subscriber(implementation, [])
  const asked = []
  peer.link = { lookup: (...args) => asked.push(args) }
  peer.sub('news', { mine: 1 })
  assert.strictEqual(asked.length, 1)
  const [key, opts, cb] = asked[0]
  assert.strictEqual(key, 'news')
  assert.deepStrictEqual(opts, { timeout: 5000 })
  assert.strictEqual(typeof cb, 'function')
})

each('C73: a failed lookup of sub is an error of the peer', ({ implementation, stage }) => {
  const peer = stage.subscriber(implementation, [])
  const failure = new Error('nobody publishes')
  const errors = []
  peer.on('error', err => errors.push(err))
  peer.link = { lookup: (key, opts, cb) => cb(failure) }
  peer.sub('news')
  assert.deepStrictEqual(errors, [failure])
  // Where nobody listens it is uncaught, as every error event.
  peer.removeAllListeners('error')
  assert.throws(() => peer.sub('news'), failure)
})

/** Notes what a subscription says: lists of `[event, data]`. */
function note (emitter) {
  const said = []
  for (const event of ['connected', 'disconnected', 'message']) {
    emitter.on(event, data => said.push(data === undefined ? [event] : [event, data]))
  }
  return said
}

pair('C74: connected, message and disconnected appear on transport and peer', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const peer = stage.subscriber(client, service.dest)
  const { newTransport } = peer
  let saidByTransport
  peer.newTransport = conf => {
    const transport = newTransport.call(peer, conf)
    saidByTransport = note(transport)
    return transport
  }
  const saidByPeer = note(peer)
  const accepted = once(service.socket, 'connection')
  const connected = once(peer, 'connected')
  peer.sub('news')
  await Promise.all([accepted, connected])

  const message = once(peer, 'message')
  service.pub('hello')
  await message
  const gone = once(peer, 'disconnected')
  service.socket.close()
  await gone
  const all = [['connected'], ['message', 'hello'], ['disconnected']]
  assert.deepStrictEqual(saidByPeer, all)
  assert.deepStrictEqual(saidByTransport, all)
})

pair('C75: a transport of a PeerSub subscribes without init of the peer', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const peer = new client.PeerSub({}, {})
  const transport = peer.transport(service.dest)
  stage.after(() => transport.stop())
  const accepted = once(service.socket, 'connection')
  const connected = once(transport, 'connected')
  transport.sub()
  await Promise.all([accepted, connected])
  const messages = [once(transport, 'message'), once(peer, 'message')]
  service.pub('hello')
  assert.deepStrictEqual(await Promise.all(messages), [['hello'], ['hello']])
})

each('C192: a peer listens with its latest server transport', async ({ implementation, stage }) => {
  const peer = new implementation.PeerRPCServer({}, {})
  peer.init()
  stage.after(() => peer.stop())
  peer.transport('server')
  const latest = peer.transport('server')
  assert.strictEqual(peer.port, undefined)
  latest.on('request', (rid, key, payload, handler) => handler.reply(null, 'latest'))
  const port = await freePort()
  assert.strictEqual(peer.listen(port), latest)
  assert.strictEqual(peer.port, port)
  assert.strictEqual(latest.port, port)
  const client = stage.client(implementation, `127.0.0.1:${port}`)
  assert.deepStrictEqual(await call(client, 'request', 'k', 1, {}), { err: null, res: 'latest' })
}, { better: true })

each('C192: a peer without a transport makes one to listen', async ({ implementation, stage }) => {
  for (const name of ['PeerRPCServer', 'PeerPub']) {
    const peer = new implementation[name]({}, {})
    peer.init()
    stage.after(() => peer.stop())
    const transport = peer.listen(0)
    assert.ok(peer.port > 0)
    assert.strictEqual(peer.port, transport.port)
    const socket = net.connect(peer.port, '127.0.0.1')
    await once(socket, 'connect')
    socket.destroy()
  }
}, { better: true })

each('C193: a peer publishes with its latest server transport', async ({ implementation, stage }) => {
  const peer = new implementation.PeerPub({}, {})
  peer.init()
  stage.after(() => peer.stop())
  peer.transport('server').pub = () => assert.fail('not the latest')
  const transport = peer.transport('server').listen(0)
  const subscriber = stage.subscriber(implementation, `127.0.0.1:${peer.port}`)
  const accepted = once(transport.socket, 'connection')
  const connected = once(subscriber, 'connected')
  subscriber.sub('news')
  await Promise.all([accepted, connected])
  const message = once(subscriber, 'message')
  peer.pub('hello')
  assert.deepStrictEqual(await message, ['hello'])
}, { better: true })
