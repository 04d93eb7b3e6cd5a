'use strict'

// Subclasses with fields that have names of the original's.

const assert = require('node:assert')
const { once } = require('events')
const { call, each } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')

each('C510: a server and a client may have the fields of the original in their bodies', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation, undefined, {}, class extends implementation.TransportRPCServer {
    socket = null
    port = 0
  })
  assert.strictEqual(typeof service.socket.address().port, 'number')
  const peer = stage.client(implementation, service.dest, {}, class extends implementation.TransportRPCClient {
    socket = null
    cbq = null
    _reqs = null
  })
  assert.deepStrictEqual(await call(peer, 'request', 'key', 1, {}), { err: null, res: 1 })
  const [transport] = peer.tpool.list(service.dest)
  assert.strictEqual(transport.socket.readyState, 1)
})

each('C510: so may a publisher and a subscriber', async ({ implementation, stage }) => {
  const peer = new implementation.PeerPub({}, {})
  const Pub = peer.getTransportClass()
  peer.getTransportClass = () => class extends Pub {
    socket = null
    port = 0
    _sockets = null
  }
  peer.init()
  const service = peer.transport('server')
  const port = await freePort()
  service.listen(port)
  const { socket } = service
  stage.after(() => {
    socket.close()
    service.stop()
  })
  const subscriber = stage.subscriber(implementation, `127.0.0.1:${port}`)
  const Sub = subscriber.getTransportClass()
  subscriber.getTransportClass = () => class extends Sub {
    socket = null
  }
  const accepted = once(socket, 'connection')
  const connected = once(subscriber, 'connected')
  const transport = subscriber.transport(`127.0.0.1:${port}`)
  transport.sub('key')
  await Promise.all([accepted, connected])
  assert.strictEqual(transport.socket.readyState, 1)
  const message = once(subscriber, 'message')
  service.pub('hello')
  assert.strictEqual(String((await message)[0]), 'hello')
})

each('C511: _sockets of a publisher has the sockets by their ids', async ({ implementation, stage }) => {
  const service = await stage.publisher(implementation)
  service.socket.clients.forEach(socket => socket.terminate())
  const peer = stage.subscriber(implementation, service.dest)
  const accepted = once(service.socket, 'connection')
  const connected = once(peer, 'connected')
  peer.sub('key')
  const [socket] = (await Promise.all([accepted, connected]))[0]
  assert.strictEqual(service._sockets.get(socket._grc_id), socket)
  const sent = []
  service._sockets.set('mine', { send: message => sent.push(message) })
  const message = once(peer, 'message')
  service.pub('hello')
  assert.strictEqual(String((await message)[0]), 'hello')
  assert.deepStrictEqual(sent, ['hello'])
  const closed = once(socket, 'close')
  socket.terminate()
  await closed
  assert.strictEqual([...service._sockets.values()].includes(socket), false)
})
