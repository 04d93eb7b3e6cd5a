'use strict'

// Subscriptions that a service carries or makes by itself: the package connects again without getting in its way.

const assert = require('node:assert')
const { EventEmitter, once } = require('node:events')
const net = require('node:net')
const { each, pair } = require('../helpers/conformance')
const { run } = require('../../scripts/lib/child')
const { freePort } = require('../../scripts/lib/ports')
const { SETTLED, connectionsOf, deadDest, endAll, heardNow, lose, told, unwatched, wait } = require('../helpers/peers/subscribers')
const { until } = require('../helpers/until')

pair('C325: until another is open .socket of a lost subscription is the closed one, and takes pings and messages', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const { peer, transport } = await unwatched(stage, client, service)
  const { socket } = transport
  const silent = net.createServer(socket => socket.on('error', () => {})).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const sockets = new Set()
  silent.on('connection', socket => sockets.add(socket))
  stage.after(() => {
    for (const socket of sockets) socket.destroy()
    silent.close()
  })
  peer.link.lookup = (key, opts, cb) => cb(null, [`127.0.0.1:${silent.address().port}`])
  await lose(service, transport)
  const end = Date.now() + 2 * SETTLED
  while (Date.now() < end) {
    assert.strictEqual(transport.socket, socket)
    assert.strictEqual(socket.readyState, socket.CLOSED)
    transport.socket.ping()
    transport.socket.send('alive')
    await wait(5)
  }
  if (client.name === 'native') assert.ok(sockets.size > 0, 'it was connected again')
})

for (const kind of ['plain', 'hooked']) {
  pair(`C325: then it is the new one (${kind})`, async ({ server, client, stage }) => {
    const service = await stage.publisher(server)
    const { kLatest } = require('../../lib/util/symbols')
    const peer = new client.PeerSub(stage.link(service.dest), {})
    peer.init()
    stage.after(() => peer.stop())
    if (kind === 'hooked') peer.transport = function (dest) { return Object.getPrototypeOf(this).transport.call(this, dest) }
    peer.sub('key')
    await once(peer, 'connected')
    const transport = peer[kLatest]
    const { socket } = transport
    const states = []
    peer.on('connected', () => states.push(transport.socket.readyState, transport.socket === socket))
    endAll(service)
    await until(() => states.length > 0)
    assert.deepStrictEqual(states, [socket.OPEN, false])
    assert.strictEqual(peer[kLatest], transport, 'the transport stays the same')
  }, { better: 'client' })
}

pair('C325: sub of a subclass sees the socket that it has made, also of one that is connected again', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const heard = []
  const { transport } = await unwatched(stage, client, service, {
    before (peer) {
      const TransportSub = peer.getTransportClass()
      peer.getTransportClass = () => class extends TransportSub {
        sub (...args) {
          super.sub(...args)
          this.socket.on('message', message => heard.push(message))
        }
      }
    }
  })
  await lose(service, transport)
  await until(() => transport.isConnected() && service.socket.clients.size === 1)
  service.pub('once')
  await until(() => heard.length > 0)
  assert.deepStrictEqual(heard, ['once'])
}, { better: 'client' })

/** How services of the original look after their subscriptions, once one is lost. */
const CARES = {
  'a new transport after stop': ({ peer, transport, dest }) => {
    transport.stop()
    peer.transport(dest).sub('key')
  },
  'a new transport': ({ peer, dest }) => peer.transport(dest).sub('key'),
  'a new transport without a key': ({ peer, dest }) => peer.transport(dest).sub(),
  'sub of the peer': ({ peer }) => peer.sub('key'),
  'sub of another peer of the link': ({ peer, stage, client, heard }) => {
    const other = stage.subscriber(client, [])
    other.link = peer.link
    other.on('message', message => heard.push(String(message)))
    other.sub('key')
  },
  'a transport of another peer of the link': ({ peer, stage, client, heard, dest }) => {
    const other = stage.subscriber(client, [])
    other.link = peer.link
    other.on('message', message => heard.push(String(message)))
    other.transport(dest).sub('key')
  }
}

for (const [how, care] of Object.entries(CARES)) {
  pair(`C326: who subscribes again by ${how} hears each message once`, async ({ server, client, stage }) => {
    const service = await stage.publisher(server)
    const connections = connectionsOf(service)
    const one = await unwatched(stage, client, service)
    await lose(service, one.transport)
    care({ ...one, stage, client, dest: service.dest })
    await until(() => connections.length > 1)
    await wait(SETTLED)
    assert.strictEqual(await heardNow(service, one.heard, 'once'), 1)
    assert.strictEqual(connections.length, 2)
  })
}

pair('C326: so does who does it while it is connected again', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const one = await unwatched(stage, client, service)
  // Nobody answers there, so that it is connecting.
  const silent = net.createServer(socket => socket.on('error', () => {})).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  let reached
  silent.on('connection', socket => { reached = socket.resume() })
  stage.after(() => {
    reached.destroy()
    silent.close()
  })
  const { lookup } = one.peer.link
  one.peer.link.lookup = (key, opts, cb) => cb(null, [`127.0.0.1:${silent.address().port}`])
  await lose(service, one.transport)
  await until(() => reached !== undefined)
  one.peer.link.lookup = lookup
  const ended = once(reached, 'close')
  CARES['sub of another peer of the link']({ ...one, stage, client })
  await until(() => service.socket.clients.size === 1)
  await ended
  await wait(SETTLED)
  assert.strictEqual(await heardNow(service, one.heard, 'once'), 1)
}, { better: 'client' })

pair('C326: live ones of a link, other keys, and those with reconnect: true go on', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const link = stage.link(service.dest)
  const subscribe = async (key, opts) => {
    const peer = stage.subscriber(client, [])
    peer.link = link
    const heard = []
    peer.on('message', message => heard.push(String(message)))
    peer.sub(key, opts)
    await once(peer, 'connected')
    return heard
  }
  const all = [await subscribe('key'), await subscribe('key')]
  // They are live.
  all.push(await subscribe('key'))
  const reconnected = () => until(() => service.socket.clients.size === all.length)
  await reconnected()
  endAll(service)
  await wait(SETTLED)
  await reconnected()
  await wait(SETTLED)
  const later = await subscribe('other', { reconnect: true })
  all.push(later)
  await reconnected()
  endAll(service)
  await until(() => service.socket.clients.size === 0)
  // It is another key.
  all.push(await subscribe('third'))
  await reconnected()
  endAll(service)
  await until(() => service.socket.clients.size === 0)
  // This is another key for all but the one that insists.
  all.push(await subscribe('other'))
  await reconnected()
  service.pub('each')
  await wait(60)
  for (const heard of all) assert.deepStrictEqual(heard, ['each'])
}, { better: 'client' })

each('C326: one that was never connected yet goes on', async ({ implementation, stage }) => {
  const port = await freePort()
  const link = stage.link(`127.0.0.1:${port}`)
  const heard = []
  const subscribe = () => {
    const peer = stage.subscriber(implementation, [])
    peer.link = link
    peer.on('message', message => heard.push(String(message)))
    peer.on('error', () => {})
    peer.sub('key')
    return peer
  }
  await told(subscribe(), 'error')
  subscribe()
  const peer = new implementation.PeerPub({}, {})
  peer.init()
  stage.after(() => peer.stop())
  const service = peer.transport('server').listen(port)
  await until(() => service.socket.clients.size === 2)
  await wait(60)
  assert.strictEqual(await heardNow(service, heard, 'each', 2), 2)
}, { better: true })

each('C329: who makes a new peer when nobody was found, on error or after silence, hears each message once', async ({ implementation, stage }) => {
  const service = await stage.publisher(implementation)
  const heard = []
  let isFound = false
  const link = { lookup: (key, opts, cb) => isFound ? cb(null, [service.dest]) : cb(new Error('ERR_GRAPE_LOOKUP_EMPTY')) }
  const subscribe = () => {
    const peer = stage.subscriber(implementation, [])
    peer.link = link
    peer.on('message', message => heard.push(String(message)))
    const failed = told(peer, 'error')
    peer.sub('key')
    return failed
  }
  for (let i = 0; i < 4; i++) await subscribe()
  isFound = true
  const peer = stage.subscriber(implementation, [])
  peer.link = link
  peer.on('message', message => heard.push(String(message)))
  peer.sub('key')
  await until(() => service.socket.clients.size > 0)
  await wait(SETTLED)
  assert.strictEqual(await heardNow(service, heard, 'once'), 1)
})

/** Hooks that know another address for what is announced as `from`. */
const MAPS = {
  transport: (peer, map) => {
    const { transport } = peer
    peer.transport = function (dest, ...args) { return transport.call(this, map(dest), ...args) }
  },
  newTransport: (peer, map) => {
    const { newTransport } = peer
    peer.newTransport = function (conf) { return newTransport.call(this, { ...conf, dest: map(conf.dest) }) }
  },
  'a class': (peer, map) => {
    const TransportSub = peer.getTransportClass()
    peer.getTransportClass = () => class extends TransportSub {
      constructor (client, conf) {
        super(client, { ...conf, dest: map(conf.dest) })
      }
    }
  }
}

for (const [how, hook] of Object.entries(MAPS)) {
  pair(`C327: a lost connection is made again where ${how} of a service says`, async ({ server, client, stage }) => {
    const [first, second, wrong] = [await stage.publisher(server), await stage.publisher(server), await stage.publisher(server)]
    const strays = connectionsOf(wrong)
    const names = new Map([[wrong.dest, first.dest], ['192.0.2.1:1', second.dest]])
    const peer = stage.subscriber(client, wrong.dest)
    const made = []
    hook(peer, dest => names.get(dest))
    const { newTransport } = peer
    peer.newTransport = function (conf) {
      const transport = newTransport.call(this, conf)
      made.push(transport)
      return transport
    }
    const connected = once(peer, 'connected')
    peer.sub('key')
    await connected
    const again = once(peer, 'connected')
    endAll(first)
    await again
    assert.strictEqual(made[0].conf.dest, first.dest)
    assert.strictEqual(made.length, 1)
    assert.strictEqual(first.socket.clients.size, 1)

    // It has moved.
    peer.link.lookup = (key, opts, cb) => cb(null, ['192.0.2.1:1'])
    const moved = once(peer, 'connected')
    endAll(first)
    await moved
    assert.strictEqual(second.socket.clients.size, 1)
    assert.strictEqual(first.socket.clients.size, 0)
    assert.deepStrictEqual(made.map(transport => [transport.conf.dest, transport.isActive()]), [[first.dest, false], [second.dest, true]])
    const message = once(peer, 'message')
    second.pub('here')
    assert.deepStrictEqual(await message, ['here'])
    // And is lost there.
    const last = once(peer, 'connected')
    endAll(second)
    await last
    assert.strictEqual(second.socket.clients.size, 1)
    assert.strictEqual(strays.length, 0)
  }, { better: 'client' })
}

pair('C327: publishers that failed are left out by the names that are announced', async ({ server, client, stage }) => {
  const dead = await deadDest()
  const service = await stage.publisher(server)
  const names = new Map([['192.0.2.1:1', dead], ['192.0.2.1:2', service.dest]])
  const peer = stage.subscriber(client, [...names.keys()])
  MAPS.transport(peer, dest => names.get(dest))
  const chosenOf = []
  peer.dest = dests => {
    chosenOf.push(dests)
    return dests[0]
  }
  const connected = told(peer, 'connected')
  peer.on('error', () => {})
  peer.sub('key')
  await connected
  assert.deepStrictEqual(chosenOf, [['192.0.2.1:1', '192.0.2.1:2'], ['192.0.2.1:2']])
}, { better: 'client' })

each('C328: a transport of a subscriber may be anything that has sub', async ({ implementation, stage }) => {
  const calls = []
  class Mem extends EventEmitter {
    constructor (peer, dest) {
      super()
      this.peer = peer
      this.dest = dest
      Object.freeze(this)
    }

    sub (key, opts) {
      calls.push([this.dest, key, opts])
      this.peer.emit('message', `of ${key}`)
    }
  }
  const peer = new implementation.PeerSub(stage.link('mem:1'), {})
  peer.transport = function (dest) { return new Mem(this, dest) }
  peer.init()
  const heard = []
  peer.on('message', message => heard.push(message))
  peer.sub('a')
  peer.sub('a')
  peer.sub('b', { mine: 1 })
  if (implementation.name === 'native') {
    peer.unsub('a')
    peer.sub('c', { all: true })
    assert.strictEqual(calls.pop()[1], 'c')
    heard.pop()
  }
  peer.stop()
  assert.deepStrictEqual(calls, [['mem:1', 'a', undefined], ['mem:1', 'a', undefined], ['mem:1', 'b', { mine: 1 }]])
  assert.deepStrictEqual(heard, ['of a', 'of a', 'of b'])
})

for (const Peer of ['PeerRPCServer', 'PeerPub', 'PeerSub']) {
  each(`C328: ${Peer} makes, and stops with, a transport that has neither isActive nor stop`, async ({ implementation }) => {
    const calls = []
    class Plain {
      constructor (client, conf) {
        this.conf = conf
      }

      init () {
        calls.push('init')
      }

      listen (port) {
        calls.push(port)
        return this
      }
    }
    const peer = new implementation[Peer]({}, {})
    peer.getTransportClass = () => Plain
    peer.init()
    const transports = [peer.transport('server'), peer.transport('server')]
    for (const transport of transports) assert.ok(transport instanceof Plain)
    assert.strictEqual(transports[1].listen(5), transports[1])
    if (implementation.name === 'native' && peer.listen) {
      assert.strictEqual(peer.listen(6), transports[1])
      assert.strictEqual(calls.pop(), 6)
    }
    peer.stop()
    assert.deepStrictEqual(calls, ['init', 'init', 5])
  })
}

for (const how of ['unsub', 'stop']) {
  pair(`C329: ${how} inside a listener of message lets what is on its way be heard, and then disconnected`, async ({ server, client, stage }) => {
    const service = await stage.publisher(server)
    const { peer, transport } = await unwatched(stage, client, service)
    const events = []
    peer.on('message', message => {
      events.push(message)
      if (events.length === 1) transport[how]()
    })
    peer.on('disconnected', () => events.push('disconnected'))
    for (const text of ['one', 'two', 'three']) service.pub(text)
    await once(peer, 'disconnected')
    service.pub('late')
    await wait(60)
    assert.deepStrictEqual(events, ['one', 'two', 'three', 'disconnected'])
    assert.ok(!transport.socket)
    assert.strictEqual(transport.isConnected(), false)
  })
}

pair('C329: so does close of the socket', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const { peer, transport } = await unwatched(stage, client, service)
  const events = []
  peer.on('message', message => {
    events.push(message)
    if (events.length === 1) transport.socket.close()
  })
  peer.on('disconnected', () => events.push('disconnected'))
  for (const text of ['one', 'two', 'three']) service.pub(text)
  await once(peer, 'disconnected')
  assert.deepStrictEqual(events, ['one', 'two', 'three', 'disconnected'])
})

pair('C329: init of a publisher that has subscribers lets it publish to those who come from then on', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const before = await unwatched(stage, client, service)
  service.init()
  assert.strictEqual(service._sockets.size, 0)
  const after = await unwatched(stage, client, service)
  assert.strictEqual(service._sockets.size, 1)
  assert.strictEqual(await heardNow(service, after.heard, 'new'), 1)
  assert.deepStrictEqual(before.heard, [])
  assert.strictEqual(before.transport.isConnected(), true)
})

each('C329: a subscriber that is inited twice ends its process with one stop', async ({ implementation }) => {
  const { code } = await run(`
    const { PeerSub } = require(pkg)
    const peer = new PeerSub({}, {})
    peer.init()
    const transport = peer.transport('127.0.0.1:1')
    transport.init()
    transport.stop()
  `)
  assert.strictEqual(code, 0)
  assert.strictEqual(implementation.name, 'native')
}, { better: true })
