'use strict'

// Publishers and subscribers.

const assert = require('node:assert')
const { once } = require('events')
const Ws = require('ws')
const { each, pair } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')
const { subscribed } = require('../helpers/peers/subscribers')
const { RawClient } = require('../helpers/wire/raw-client')
const { run } = require('../../scripts/lib/child')

const TEXT = 1
const BINARY = 2

/** Subscribes, and resolves with `{ peer, transport, messages }` once it is connected. */
async function subscribe (stage, implementation, service) {
  const peer = stage.subscriber(implementation, service.dest)
  const transport = peer.transport(service.dest)
  const messages = []
  transport.on('message', data => messages.push(data))
  const accepted = once(service.socket, 'connection')
  const connected = once(transport, 'connected')
  transport.sub('key')
  const [[connection]] = await Promise.all([accepted, connected])
  return { peer, transport, messages, connection }
}

/** Resolves with the first `count` messages of a subscription. */
async function received ({ transport, messages }, count) {
  while (messages.length < count) await once(transport, 'message')
  return messages
}

/** The publisher's frames as a raw client sees them. */
async function frames (stage, implementation, values) {
  const service = await stage.publisher(implementation)
  const client = await connectRaw(stage, service)
  for (const value of values) service.pub(value)
  service.pub('end')
  const all = await client.next(values.length + 1)
  assert.strictEqual(all.pop().data.toString(), 'end', 'one frame for each message')
  assert.ok(all.every(({ fin }) => fin))
  return all.map(({ opcode, data }) => [opcode, Buffer.from(data)])
}

async function connectRaw (stage, service) {
  const accepted = once(service.socket, 'connection')
  const client = await RawClient.connect(service.dest)
  stage.after(() => client.destroy())
  await accepted
  return client
}

/** A server of the `ws` package, the other side of a subscriber. */
async function rawServer (stage) {
  const server = new Ws.Server({ port: await freePort() })
  await once(server, 'listening')
  stage.after(() => server.close())
  server.dest = `127.0.0.1:${server.address().port}`
  return server
}

each('C29: one frame for each message, text for strings and binary for bytes', async ({ implementation, stage }) => {
  const words = new Uint16Array([1, 2, 515])
  const bytes = Buffer.from([0, 255, 128])
  const view = new DataView(Uint8Array.from([9, 8, 7, 6]).buffer, 1, 2)
  const long = 'ü'.repeat(70000)
  assert.deepStrictEqual(await frames(stage, implementation, ['', 'äöü 🦀', long, bytes, words, view, Buffer.alloc(0)]), [
    [TEXT, Buffer.alloc(0)],
    [TEXT, Buffer.from('äöü 🦀')],
    [TEXT, Buffer.from(long)],
    [BINARY, bytes],
    [BINARY, Buffer.from(words.buffer)],
    [BINARY, Buffer.from([8, 7])],
    [BINARY, Buffer.alloc(0)]
  ])
})

each('C30: a text frame arrives as a string, a binary frame as a Buffer', async ({ implementation, stage }) => {
  const server = await rawServer(stage)
  const sent = ['', 'text äöü', '{"json":1}', Buffer.alloc(0), Buffer.from([0, 255]), 'x'.repeat(100000), Buffer.alloc(100000, 7)]
  server.on('connection', socket => sent.forEach(one => socket.send(one)))
  const peer = stage.subscriber(implementation, server.dest)
  const messages = []
  const all = new Promise(resolve => peer.on('message', data => messages.push(data) === sent.length && resolve()))
  peer.sub('key')
  await all
  assert.deepStrictEqual(messages, sent)
  assert.deepStrictEqual(messages.map(Buffer.isBuffer), sent.map(Buffer.isBuffer))
})

pair('C29 C30: strings and bytes travel from publisher to subscriber as they are', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const subscription = await subscribe(stage, client, service)
  const sent = ['one', Buffer.from([1, 0, 2]), 'ü'.repeat(50000), Buffer.alloc(300000, 'ab')]
  for (const message of sent) service.pub(message)
  assert.deepStrictEqual(await received(subscription, sent.length), sent)
})

pair('C112: every connected socket gets every message, in order', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const subscriptions = []
  for (let at = 0; at < 4; at++) subscriptions.push(await subscribe(stage, client, service))
  const sent = Array.from({ length: 500 }, (_, at) => `message ${at}`)
  for (const message of sent) service.pub(message)
  for (const subscription of subscriptions) assert.deepStrictEqual(await received(subscription, sent.length), sent)
})

pair('C112: what is published in the turn that a subscriber comes in leaves at once', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  for (let i = 0; i < 20; i++) {
    const peer = stage.subscriber(client, service.dest)
    service.socket.once('connection', () => service.pub(String(i)))
    const message = once(peer, 'message')
    peer.sub('key')
    assert.deepStrictEqual(await message, [String(i)])
    peer.stop()
  }
})

pair('C112: who leaves is forgotten, who comes later gets what comes later', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  service.pub('to nobody')
  const first = await subscribe(stage, client, service)
  service.pub('one')
  await received(first, 1)
  first.transport.stop()
  await once(first.connection, 'close')
  const second = await subscribe(stage, client, service)
  service.pub('two')
  assert.deepStrictEqual(await received(second, 1), ['two'])
  assert.deepStrictEqual(first.messages, ['one'])
})

each('C113 C114: numbers travel as text, null and undefined as an empty binary frame', async ({ implementation, stage }) => {
  const empty = [BINARY, Buffer.alloc(0)]
  assert.deepStrictEqual(await frames(stage, implementation, [0, -1.5, NaN, null, undefined]), [
    [TEXT, Buffer.from('0')],
    [TEXT, Buffer.from('-1.5')],
    [TEXT, Buffer.from('NaN')],
    empty,
    empty
  ])
})

each('C115: arrays, ArrayBuffer, String objects and dates travel like Buffer.from', async ({ implementation, stage }) => {
  const date = new Date(0)
  const values = [[1, 2, 300, 'x'], [], Uint8Array.from([5, 6]).buffer, Object('text ü'), date]
  const sent = await frames(stage, implementation, values)
  assert.deepStrictEqual(sent, values.map(value => [BINARY, Buffer.from(value)]))
  assert.strictEqual(sent[4][1].toString(), date.toString())
})

each('C116: a plain object or a boolean is a TypeError, once somebody is connected', async ({ implementation, stage }) => {
  const service = await stage.publisher(implementation)
  service.pub({ a: 1 })
  service.pub(true)
  const client = await connectRaw(stage, service)
  for (const value of [{ a: 1 }, {}, true, Symbol('s'), () => {}]) assert.throws(() => service.pub(value), TypeError)
  service.pub('still here')
  const [frame] = await client.next(1)
  assert.strictEqual(frame.data.toString(), 'still here')
})

pair('C112 C126: after the socket is closed nobody gets anything, and nothing breaks', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const { transport, messages } = await subscribe(stage, client, service)
  const disconnected = once(transport, 'disconnected')
  service.socket.close()
  service.pub('too late')
  await disconnected
  service.pub('later still')
  assert.deepStrictEqual(messages, [])
})

pair('C117: sub connects, and unsub ends that', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const subscription = await subscribe(stage, client, service)
  const { transport, messages, connection } = subscription
  assert.strictEqual(transport.isConnected(), true)
  service.pub('one')
  await received(subscription, 1)

  const disconnected = once(transport, 'disconnected')
  const closed = once(connection, 'close')
  transport.unsub()
  assert.strictEqual(transport.isConnected(), false)
  assert.ok(!transport.socket)
  await Promise.all([disconnected, closed])
  service.pub('two')
  assert.deepStrictEqual(messages, ['one'])
  assert.strictEqual(transport.isActive(), true, 'it may subscribe again')

  const accepted = once(service.socket, 'connection')
  const connected = once(transport, 'connected')
  transport.sub('key')
  await Promise.all([accepted, connected])
  service.pub('three')
  assert.deepStrictEqual(await received(subscription, 2), ['one', 'three'])
})

pair('C118: checkConnection ends what is active and not connected, and nothing else', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const { transport } = await subscribe(stage, client, service)
  transport.checkConnection()
  assert.strictEqual(transport.isConnected(), true)

  const waiting = stage.subscriber(client, service.dest).transport(service.dest)
  let connected = false
  waiting.on('connected', () => { connected = true })
  const disconnected = once(waiting, 'disconnected')
  waiting.sub('key')
  assert.strictEqual(waiting.isConnecting(), true)
  waiting.checkConnection()
  assert.strictEqual(waiting.isConnecting(), false)
  assert.ok(!waiting.socket)
  await disconnected
  assert.strictEqual(connected, false)
  waiting.checkConnection()
})

pair('C119: a subscriber may send, and the connection at the publisher emits message', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const heard = []
  service.socket.on('connection', socket => socket.on('message', data => {
    heard.push(data)
    socket.send(`heard ${heard.length}`)
  }))
  const subscription = await subscribe(stage, client, service)
  subscription.transport.socket.send('hello')
  subscription.transport.socket.send(Buffer.from([1, 2]))
  assert.deepStrictEqual(await received(subscription, 2), ['heard 1', 'heard 2'])
  assert.deepStrictEqual(heard, ['hello', Buffer.from([1, 2])])
})

pair('C119: somebody who listens only later hears what comes later', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const { transport } = await subscribe(stage, client, service)
  const [connection] = service.socket.clients
  const heard = once(connection, 'message')
  transport.socket.send('late')
  assert.deepStrictEqual(await heard, ['late'])
})

each('C120: an active subscriber keeps the process alive until stop', async ({ implementation, stage }) => {
  const server = await rawServer(stage)
  server.on('connection', socket => socket.close())
  const main = require.resolve(implementation.name === 'native' ? '../..' : 'grenache-nodejs-ws')
  const { code, stdout, stderr } = await run(`
    const { PeerSub } = require(${JSON.stringify(main)})
    const peer = new PeerSub({}, {})
    peer.init()
    const transport = peer.transport('${server.dest}')
    for (const event of ['connected', 'disconnected']) transport.on(event, () => console.log(event))
    transport.on('disconnected', () => {
      // This timer keeps nothing alive by itself.
      setTimeout(() => {
        console.log('alive')
        transport.stop()
      }, 200).unref()
    })
    transport.sub('key')
  `)
  assert.strictEqual(stderr, '')
  assert.deepStrictEqual(stdout.trim().split('\n').slice(0, 3), ['connected', 'disconnected', 'alive'])
  assert.strictEqual(code, 0)
})

pair('a published message leaves although the event loop has no rest', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const peer = await subscribed(stage, client, service)
  let restless = true
  stage.after(() => { restless = false })
  const spin = () => restless && setImmediate(spin)
  spin()
  const got = []
  peer.on('message', message => got.push(message))
  for (const message of ['a', 'b', 'c']) {
    const heard = once(peer, 'message')
    service.pub(message)
    await heard
  }
  restless = false
  assert.deepStrictEqual(got, ['a', 'b', 'c'])
})
