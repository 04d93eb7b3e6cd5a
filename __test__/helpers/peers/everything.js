'use strict'

// One run through every class: grapes, a link, RPC, and publish and subscribe, from the
// constructors to `stop`.

const assert = require('node:assert')
const { once } = require('events')
const { call } = require('../conformance')
const { startGrapes } = require('../../../scripts/lib/grapes')
const { freePort } = require('../../../scripts/lib/ports')

const SLOW = { timeout: 10000 }

/**
 * Resolves when everything has answered, and has stopped.
 * @param {object} classes Link, Grape, and the peers and transports
 * @param {function(string, object)} look is called for each object in each of its states
 * @param {boolean} isNative whether they do what only this package does
 */
async function useEverything (classes, look = () => {}, isNative = false) {
  const seen = []
  const see = (name, object) => {
    if (!seen.some(one => one.object === object)) seen.push({ name, object })
    look(name, object)
    return object
  }
  const seeAll = () => seen.forEach(({ name, object }) => look(name, object))

  const network = await startGrapes(false, {}, classes.Grape)
  for (const grape of network.grapes) {
    see('Grape', grape)
    see('GrapeNode', grape.node)
    see('ApiServer', grape._interface.http)
  }
  const link = see('Link', new classes.Link({ grape: network.urls[0] }))
  link.start()
  see('Cache', link.cache.lookup)

  const make = (name, conf) => {
    const peer = see(name, new classes[name](link, conf))
    const transportName = name.replace('Peer', 'Transport')
    peer.getTransportClass = () => classes[transportName]
    const { newTransport } = peer
    peer.newTransport = function (conf) {
      return see(transportName, newTransport.call(this, conf))
    }
    peer.init()
    return peer
  }
  const announced = (key, port) => new Promise((resolve, reject) => {
    link.startAnnouncing(key, port, {}, err => err ? reject(err) : resolve())
  })

  const servers = await Promise.all([{}, { hooked: true }].map(async ({ hooked }, at) => {
    const peer = make('PeerRPCServer', {})
    const service = peer.transport('server')
    // With a method of their own, requests go through the socket object.
    if (hooked) service.format = value => JSON.stringify(value)
    service.on('request', (rid, key, payload, handler) => {
      if (payload !== 'silent') handler.reply(null, [at, payload])
    })
    const port = await freePort()
    service.listen(port)
    await announced('everything', port)
    return { peer, service, port }
  }))
  seeAll()

  const confs = [{}, { hooked: true }]
  if (isNative) confs.push({ conf: { maxRequests: 100, balance: 'least-pending' } })
  const clients = []
  for (const { conf = {}, hooked } of confs) {
    const client = make('PeerRPCClient', conf)
    clients.push(client)
    see('Pool', client.tpool)
    const { err, res } = await call(client, 'request', 'everything', 'hello', { ...SLOW, retry: 2 })
    assert.ifError(err)
    assert.strictEqual(res[1], 'hello')
    const map = await call(client, 'map', 'everything', { in: 'objects' }, SLOW)
    assert.ifError(map.err)
    assert.deepStrictEqual(map.res.sort(), [[0, { in: 'objects' }], [1, { in: 'objects' }]])
    for (const { port, service } of servers) {
      const transport = client.transport(`127.0.0.1:${port}`)
      if (hooked) transport.format = value => JSON.stringify(value)
      for (const payload of ['again', 'long'.repeat(5000)]) {
        const { err, res } = await call(transport, 'request', 'key', payload, SLOW)
        assert.ifError(err)
        assert.strictEqual(res[1], payload)
      }
      see('CbQ', transport.cbq)
      see('Socket', transport.socket)
      if (transport.socket._socket) see('TcpSocket', transport.socket._socket)
      see('SocketServer', service.socket)
      for (const socket of service.socket.clients) see('Socket', socket)
    }
  }
  seeAll()

  const publisher = make('PeerPub', {})
  const publishing = publisher.transport('server')
  const port = await freePort()
  publishing.listen(port)
  await announced('news', port)
  const subscriber = make('PeerSub', {})
  const heard = async () => {
    const message = once(subscriber, 'message')
    publishing.pub('hello')
    const [text] = await message
    assert.strictEqual(String(text), 'hello')
  }
  const connected = once(subscriber, 'connected')
  subscriber.sub('news')
  await connected
  await heard()
  seeAll()

  const stored = await call(link, 'put', { v: 'a value' })
  assert.ifError(stored.err)
  const { err, res } = await call(link, 'get', stored.res)
  assert.ifError(err)
  assert.strictEqual(res.v, 'a value')
  await new Promise((resolve, reject) => {
    link.announce('once', port, {}, err => err ? reject(err) : resolve())
  })

  if (isNative) await useMore({ link, servers, clients, subscriber, publishing, heard })
  seeAll()

  link.stopAnnouncing('news', port)
  subscriber.stop()
  if (publishing.socket) publishing.socket.close()
  publisher.stop()
  for (const client of clients) await client.stop(isNative ? { drain: 1000 } : undefined)
  for (const { peer, service } of servers) {
    if (isNative) await peer.stop({ drain: 1000 })
    else service.stop()
  }
  link.stop()
  seeAll()
  for (const { name, object } of seen) {
    // The originals' peers do not stop these.
    if (name === 'TransportSub' && object.isActive()) object.stop()
  }
  await network.stop()
  seeAll()
}

/** What the original has not, or does not survive. */
async function useMore ({ link, servers, clients, subscriber, publishing, heard }) {
  const [client] = clients
  assert.strictEqual((await client.request('everything', 'hello', { signal: AbortSignal.timeout(10000) }))[1], 'hello')
  const controller = new AbortController()
  const aborted = client.request('everything', 'silent', { signal: controller.signal })
  setImmediate(() => controller.abort())
  await assert.rejects(aborted, { code: 'ABORT_ERR' })
  await assert.rejects(client.request('everything', 'silent', { timeout: 20 }), /^Error: ERR_TIMEOUT$/)
  await new Promise((resolve, reject) => {
    link.startAnnouncing('dead', 1, {}, err => err ? reject(err) : resolve())
  })
  for (const retry of [1, 2]) {
    const { err } = await call(client, 'request', 'dead', 'hello', { retry, timeout: 10000 })
    assert.ok(err)
  }
  // A connection that is lost is made again.
  const again = once(subscriber, 'connected')
  for (const socket of publishing.socket.clients) socket.terminate()
  await again
  await heard()
  const loop = subscriber[Symbol.asyncIterator]()
  const next = loop.next()
  publishing.pub('looped')
  assert.strictEqual((await next).value, 'looped')
  await loop.return()
  servers.forEach(({ service }) => assert.ok(service.socket.address().port > 0))
}

module.exports = { useEverything }
