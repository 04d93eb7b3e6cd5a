'use strict'

// Methods that are replaced on an instance, at any time.

const assert = require('node:assert')
const { once } = require('events')
const Ws = require('ws')
const { call, pair } = require('../helpers/conformance')
const { PAYLOADS, both, clientOf, connectionOf, drop, expectAnswers } = require('../helpers/peers/hooks')

/** By name: what replaces a server's method; each makes `['new', payload]` of a payload. */
const SERVER = {
  handleRequest (handler, [rid, key, payload], meta) {
    Object.getPrototypeOf(this).handleRequest.call(this, handler, [rid, key, ['new', payload]], meta)
  },
  sendReply (socket, rid, err, res) {
    Object.getPrototypeOf(this).sendReply.call(this, socket, rid, err, ['new', res])
  },
  parse (data) {
    const [rid, key, payload] = JSON.parse(data)
    return [rid, key, ['new', payload]]
  },
  format ([rid, err, res]) {
    return JSON.stringify([rid, err, ['new', res]])
  }
}

for (const [name, replacement] of Object.entries(SERVER)) {
  pair(`C151: ${name} may be assigned after listen, while clients are connected`, async ({ server, client, stage }) => {
    const service = await stage.serve(server)
    const transport = clientOf(stage, client, service)
    const [connection] = await connectionOf(service, transport)
    const frames = []
    connection.on('message', data => frames.push(data))
    await expectAnswers(transport)
    service[name] = replacement
    await expectAnswers(transport, payload => ['new', payload])
    // A new connection, too.
    await expectAnswers(clientOf(stage, client, service), payload => ['new', payload])
    delete service[name]
    await expectAnswers(transport)
    await expectAnswers(clientOf(stage, client, service))
    assert.strictEqual(frames.length, 3 * PAYLOADS.length, 'raw listeners saw each frame once')
  })
}

pair('C151: a hook assigned between two requests of one read sees the second', async ({ server, client, stage }) => {
  const service = await stage.serve(server, (rid, key, payload, handler) => {
    handler.reply(null, payload)
    service.format = SERVER.format
  })
  const transport = clientOf(stage, client, service)
  await connectionOf(service, transport)
  const payloads = Array.from({ length: 50 }, (_, at) => at)
  await expectAnswers(transport, payload => payload === 0 ? 0 : ['new', payload], payloads)
})

pair('C151: getSocket may be assigned before listen, and unlisten after it', async ({ server, client, stage }) => {
  const peer = new server.PeerRPCServer({}, {})
  peer.init()
  const service = peer.transport('server')
  service.on('request', (rid, key, payload, handler) => handler.reply(null, payload))
  service.getSocket = () => new Ws.Server({ port: 0 })
  service.listen(1)
  stage.after(() => peer.stop())
  await once(service.socket, 'listening')
  service.dest = `127.0.0.1:${service.socket.address().port}`
  let ended = 0
  service.unlisten = function () {
    ended++
    this.socket.close()
  }
  const transport = clientOf(stage, client, service)
  await expectAnswers(transport)
  const lost = once(transport.socket, 'close')
  service.stop()
  await lost
  assert.strictEqual(ended, 1)
})

/** The same of a client. */
const CLIENT = {
  request (key, payload, opts, cb) {
    Object.getPrototypeOf(this).request.call(this, key, ['new', payload], opts, cb)
  },
  _request (key, payload, opts, cb) {
    Object.getPrototypeOf(this)._request.call(this, key, ['new', payload], opts, cb)
  },
  sendRequest ({ rid, key, payload }) {
    this.socket.send(JSON.stringify([rid, key, ['new', payload]]))
  },
  handleReply (rid, err, data) {
    Object.getPrototypeOf(this).handleReply.call(this, rid, err, ['new', data])
  },
  newRequest (key, payload, opts, cb) {
    return Object.getPrototypeOf(this).newRequest.call(this, key, ['new', payload], opts, cb)
  },
  addRequest (req) {
    const { cb } = req
    req.cb = (err, res) => cb(err, ['new', res])
    Object.getPrototypeOf(this).addRequest.call(this, req)
  },
  getRequest (rid) {
    const req = Object.getPrototypeOf(this).getRequest.call(this, rid)
    return req && { ...req, cb: (err, res) => req.cb(err, ['new', res]) }
  },
  delRequest (req) {
    const { cb } = req
    req.cb = (err, res) => cb(err, ['new', res])
    Object.getPrototypeOf(this).delRequest.call(this, req)
  },
  parse (data) {
    const [rid, err, res] = JSON.parse(data)
    return [rid, err, ['new', res]]
  },
  format ([rid, key, payload]) {
    return JSON.stringify([rid, key, ['new', payload]])
  }
}

for (const [name, replacement] of Object.entries(CLIENT)) {
  pair(`C151: ${name} may be assigned while connected`, async ({ server, client, stage }) => {
    const { service, transport } = await both(stage, server, client)
    await expectAnswers(transport)
    const { socket } = transport
    const frames = []
    socket.on('message', data => frames.push(data))
    transport[name] = replacement
    await expectAnswers(transport, payload => ['new', payload])
    delete transport[name]
    await expectAnswers(transport)
    assert.strictEqual(transport.socket, socket, 'still the same connection')
    assert.strictEqual(service.socket.clients.size, 1)
    assert.strictEqual(frames.length, 2 * PAYLOADS.length, 'raw listeners saw each reply once')
  })
}

pair('C151: getSocket and connect may be assigned while connected, for the next connection', async ({ server, client, stage }) => {
  const { service, transport } = await both(stage, server, client)
  await expectAnswers(transport)
  let connects = 0
  transport.getSocket = conf => new Ws(`ws://${conf.dest}/later`)
  transport.connect = function () {
    connects++
    return Object.getPrototypeOf(this).connect.call(this)
  }
  await expectAnswers(transport)
  assert.strictEqual(service.socket.clients.size, 1)
  await drop(service, transport)
  const accepted = once(service.socket, 'connection')
  await expectAnswers(transport)
  assert.strictEqual((await accepted)[1].url, '/later')
  assert.strictEqual(connects, 2 * PAYLOADS.length)
})

pair('C151: requests under way are answered while a hook is assigned', async ({ server, client, stage }) => {
  const replies = []
  const service = await stage.serve(server, (rid, key, payload, handler) => {
    replies.push(() => handler.reply(null, payload))
    if (replies.length === 4) for (const reply of replies) reply()
  })
  const transport = stage.client(client, service.dest).transport(service.dest)
  const first = [1, 2].map(payload => call(transport, 'request', 'key', payload, {}))
  await once(service, 'request')
  transport.format = CLIENT.format
  const second = [3, 4].map(payload => call(transport, 'request', 'key', payload, {}))
  const answers = await Promise.all([...first, ...second])
  assert.deepStrictEqual(answers.map(({ res }) => res), [1, 2, ['new', 3], ['new', 4]])
})

pair('C151: a hook assigned while connecting is used once connected', async ({ server, client, stage }) => {
  const { transport } = await both(stage, server, client)
  transport.connect()
  transport.format = CLIENT.format
  await expectAnswers(transport, payload => ['new', payload])
})
