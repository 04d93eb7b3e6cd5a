'use strict'

// What all peers share.

const assert = require('node:assert')
const EventEmitter = require('events')
const { once } = EventEmitter
const net = require('net')
const { call, each, pair, reachable } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')

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
