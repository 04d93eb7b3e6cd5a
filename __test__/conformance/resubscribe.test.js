'use strict'

// Services that look after their subscriptions by themselves.

const assert = require('node:assert')
const { once } = require('events')
const Ws = require('ws')
const { each, pair } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')
const { SETTLED, connectionsOf, deadDest, endAll, linkOf, subscribed, told, wait } = require('../helpers/peers/subscribers')

/** Later than the first reconnect, which comes after 150 ms at most. */
const LATER = 400

/** The messages that a subscriber gets of one that is published now. */
async function heardBy (peer, service) {
  const heard = []
  peer.on('message', message => heard.push(String(message)))
  const message = once(peer, 'message')
  service.pub('once')
  await message
  await wait(50)
  return heard
}

/** Calls `onTransport` with each transport of a peer, before it is used. */
function watchTransports (peer, onTransport) {
  const { transport } = peer
  peer.transport = function (...args) {
    const one = transport.apply(this, args)
    onTransport(one)
    return one
  }
}

pair('C500: who waits for disconnected with once, and subscribes again, has one connection', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const connections = connectionsOf(service)
  const peer = await subscribed(stage, client, service, {
    before: peer => peer.once('disconnected', () => setTimeout(() => peer.sub('key'), LATER))
  })
  const connected = once(peer, 'connected')
  const since = Date.now()
  endAll(service)
  await connected
  assert.ok(Date.now() - since >= LATER - 5, 'only by hand')
  await wait(SETTLED)
  assert.strictEqual(connections.length, 2)
  assert.deepStrictEqual(await heardBy(peer, service), ['once'])
})

pair('C500: so has who listens for close of the socket', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const connections = connectionsOf(service)
  let isOver = false
  const peer = await subscribed(stage, client, service, {
    before: peer => watchTransports(peer, transport => {
      const { sub } = transport
      transport.sub = function (...args) {
        sub.apply(this, args)
        this.socket.on('close', () => setTimeout(() => isOver || this.sub(), LATER))
      }
    })
  })
  for (let round = 2; round < 4; round++) {
    const connected = once(peer, 'connected')
    endAll(service)
    await connected
    await wait(SETTLED)
    assert.strictEqual(connections.length, round)
  }
  assert.deepStrictEqual(await heardBy(peer, service), ['once'])
  isOver = true
})

for (const pace of [20, LATER]) {
  pair(`C500: so has who looks every ${pace} ms whether the transport is connected`, async ({ server, client, stage }) => {
    const service = await stage.publisher(server)
    let transport
    const peer = await subscribed(stage, client, service, {
      before: peer => watchTransports(peer, one => { transport = transport || one })
    })
    const timer = setInterval(() => !transport.isConnected() && !transport.isConnecting() && transport.sub(), pace)
    stage.after(() => clearInterval(timer))
    const connected = once(peer, 'connected')
    endAll(service)
    await connected
    assert.strictEqual(transport.isConnected(), true)
    await wait(LATER)
    assert.strictEqual(service.socket.clients.size, 1)
    assert.deepStrictEqual(await heardBy(peer, service), ['once'])
  })
}

pair('C500: sub of the same key takes the place of what reconnects by itself', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const peer = await subscribed(stage, client, service, { conf: { reconnect: true } })
  const heard = []
  peer.on('disconnected', () => heard.push('disconnected'))
  const connected = once(peer, 'connected')
  endAll(service)
  await connected
  const again = once(peer, 'connected')
  peer.sub('key')
  await again
  await wait(SETTLED)
  assert.strictEqual(service.socket.clients.size, 1)
  assert.deepStrictEqual(heard, ['disconnected'])
}, { better: 'client' })

each('C501: a reconnect that fails is no error event of the peer', async ({ implementation, stage }) => {
  const first = await stage.publisher(implementation)
  const dead = await deadDest()
  const peer = stage.subscriber(implementation, first.dest)
  const lookups = linkOf(peer, count => count === 1 ? first.dest : dead)
  const errors = []
  peer.on('error', err => errors.push(err))
  const connected = told(peer, 'connected')
  peer.sub('key')
  await connected
  endAll(first)
  // The original never looks up again.
  if (implementation.name === 'original') await wait(SETTLED)
  else while (lookups.length < 4) await wait(10)
  assert.deepStrictEqual(errors, [])
})

pair('C502: checkConnection of a subclass is called every 5 s, and looks after the connection alone', async ({ server, client, stage, t }) => {
  const intervals = []
  const { setInterval } = global
  t.mock.method(global, 'setInterval', (act, ms, ...args) => {
    intervals.push({ act, ms })
    return setInterval(act, ms, ...args)
  })
  const service = await stage.publisher(server)
  const connections = connectionsOf(service)
  const peer = await subscribed(stage, client, service, {
    before (peer) {
      const TransportSub = peer.getTransportClass()
      peer.getTransportClass = () => class extends TransportSub {
        checkConnection () {
          if (!this.isActive() || this.isConnected()) return
          this.unsub()
          this.sub()
        }
      }
    }
  })
  const checks = intervals.filter(({ ms }) => ms === 5000)
  assert.strictEqual(checks.length, 1)
  endAll(service)
  await wait(SETTLED)
  assert.strictEqual(connections.length, 1)
  const connected = once(peer, 'connected')
  checks[0].act()
  await connected
  assert.deepStrictEqual(await heardBy(peer, service), ['once'])
})

each('C503: the end of a socket that a subclass brought is told once', async ({ implementation, stage }) => {
  const port = await freePort()
  const server = new Ws.Server({ port })
  stage.after(() => server.close())
  const peer = stage.subscriber(implementation, `127.0.0.1:${port}`)
  const TransportSub = peer.getTransportClass()
  peer.getTransportClass = () => class extends TransportSub {
    sub () {
      this.connecting()
      const socket = this.socket = new Ws(`ws://${this.conf.dest}/topic`)
      socket.on('open', () => {
        this.connected()
        this.emit('connected')
      })
      socket.on('close', () => {
        this.disconnected()
        this.emit('disconnected')
      })
    }
  }
  const events = []
  peer.on('disconnected', () => events.push('disconnected'))
  const transport = peer.transport(`127.0.0.1:${port}`)
  const round = async end => {
    const connected = once(peer, 'connected')
    transport.sub('key')
    await connected
    const disconnected = once(peer, 'disconnected')
    end()
    await disconnected
    await wait(20)
  }
  await round(() => transport.unsub())
  assert.strictEqual(events.length, 1)
  await round(() => server.clients.forEach(socket => socket.terminate()))
  transport.stop()
  await wait(20)
  assert.strictEqual(events.length, 2)
})
