'use strict'

// Subscribing peers.

const assert = require('node:assert')
const { once } = require('events')
const { call, each, pair } = require('../helpers/conformance')
const { fail, standIn, startLink } = require('../helpers/grapes/stand-in')

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
})

each('C294: a failed lookup of sub ends no process where nobody listens for error', async ({ implementation, stage }) => {
  const grape = await standIn(stage, fail(500, '"no"'))
  const link = startLink(stage, implementation, grape.url)
  const peer = stage.subscriber(implementation, [])
  peer.link = link
  peer.sub('news')
  // Its attempts, and then one that ends later.
  await grape.arrived(3)
  const { err } = await call(link, 'lookup', 'other')
  assert.ok(err)
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
