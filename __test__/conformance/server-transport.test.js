'use strict'

// The transport of RPC servers, and what all transports share.

const assert = require('node:assert')
const { once } = require('node:events')
const WebSocket = require('ws')
const { certificates } = require('../../scripts/lib/certificates')
const { call, each, reachable } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')
const { rawClient, refused, TEXT } = require('../../scripts/lib/frames')

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** A peer of each kind with a transport of its own. */
function transports (implementation, stage) {
  return ['PeerRPCServer', 'PeerRPCClient', 'PeerPub', 'PeerSub'].map(name => {
    const peer = new implementation[name](stage.link(), { mine: name })
    peer.init()
    const transport = peer.transport('127.0.0.1:1')
    stage.after(() => {
      transport.stop()
      peer.stop()
    })
    return { peer, transport }
  })
}

/** A client of the `ws` package, open. */
async function plainClient (stage, service) {
  const client = new WebSocket(`ws://${service.dest}/ws`)
  stage.after(() => client.terminate())
  await once(client, 'open')
  return client
}

/** Asks a server to echo over a bare socket; resolves with the reply's text. */
async function echo (client, rid) {
  client.send(JSON.stringify([rid, 'k', rid]))
  return (await once(client, 'message'))[0]
}

each('C76: transports are EventEmitters with client, conf and id', ({ implementation, stage }) => {
  const ids = new Set()
  for (const { peer, transport } of transports(implementation, stage)) {
    assert.strictEqual(transport.client, peer)
    assert.strictEqual(transport.conf.mine, peer.conf.mine)
    assert.strictEqual(transport.conf.dest, '127.0.0.1:1')
    assert.match(transport.id, UUID)
    ids.add(transport.id)
    const got = []
    transport.on('anything', (...args) => got.push(args))
    transport.emit('anything', 1, 2)
    assert.deepStrictEqual(got, [[1, 2]])
  }
  assert.strictEqual(ids.size, 4)
})

each('C77: transports have isActive, active, stop, _stop and monitor', ({ implementation, stage }) => {
  for (const { transport } of transports(implementation, stage)) {
    assert.strictEqual(transport.isActive(), true)
    transport.monitor()
    assert.strictEqual(transport.isActive(), true)
    let stopped = 0
    const { _stop } = transport
    transport._stop = function () {
      stopped++
      return _stop.call(this)
    }
    transport.stop()
    assert.strictEqual(transport.isActive(), false)
    assert.strictEqual(stopped, 1)
    transport.active()
    assert.strictEqual(transport.isActive(), true)
  }
})

each('C78 C79: the states of a transport', ({ implementation, stage }) => {
  for (const { transport } of transports(implementation, stage)) {
    const states = () => [transport.isConnecting(), transport.isConnected(), transport.isListening()]
    assert.deepStrictEqual(states(), [false, undefined, false])
    transport.connecting()
    assert.deepStrictEqual(states(), [true, false, false])
    transport.connected()
    assert.deepStrictEqual(states(), [false, true, false])
    transport.disconnected()
    assert.deepStrictEqual(states(), [false, false, false])
    transport.listening()
    assert.deepStrictEqual(states(), [false, false, true])
    transport.unlistening()
    assert.deepStrictEqual(states(), [false, false, false])
  }
})

each('C80: listen takes an integer only', ({ implementation, stage }) => {
  for (const { transport } of transports(implementation, stage)) {
    if (!transport.listen) continue
    for (const port of ['8080', 80.5, NaN, Infinity, undefined, null, {}, [80], true]) {
      assert.throws(() => transport.listen(port), {
        name: 'AssertionError', code: 'ERR_ASSERTION', message: 'port must be an Integer'
      })
    }
    assert.strictEqual(transport.isListening(), false)
  }
})

each('C81: listen returns the transport, with port and socket', async ({ implementation, stage }) => {
  const [{ transport }, , { transport: publisher }] = transports(implementation, stage)
  for (const one of [transport, publisher]) {
    const port = await freePort()
    assert.strictEqual(one.listen(port), one)
    // The original's own stop leaves the port of a publisher open.
    const { socket } = one
    stage.after(() => socket.close())
    assert.strictEqual(one.port, port)
    assert.strictEqual(one.isListening(), true)
    assert.strictEqual(typeof socket.on, 'function')
    await once(socket, 'listening')
    assert.strictEqual(socket.address().port, port)
  }
})

each('C82: a server listens on all interfaces, IPv4 and IPv6', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  for (const host of ['127.0.0.1', '127.0.0.2', '[::1]', '[::ffff:127.0.0.3]']) {
    const client = await plainClient(stage, { dest: `${host}:${service.port}` })
    assert.strictEqual(await echo(client, host), JSON.stringify([host, null, host]))
  }
  assert.deepStrictEqual(service.socket.address(), { address: '::', family: 'IPv6', port: service.port })
})

each('C83: unlisten closes the port, and the transport may listen again', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const { port } = service
  const client = await plainClient(stage, service)
  assert.strictEqual(service.isListening(), true)

  const ended = Promise.all([once(service.socket, 'close'), once(client, 'close')])
  service.unlisten()
  assert.ok(!service.socket)
  await ended
  assert.strictEqual(service.isListening(), false)
  await refused(port)
  // Nothing is left to close.
  service.unlisten()

  service.listen(port)
  await reachable(port)
  assert.strictEqual(service.isListening(), true)
  assert.strictEqual(await echo(await plainClient(stage, service), 'r'), '["r",null,"r"]')
})

each('C84: sendReply sends a reply frame over a socket', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const connection = once(service.socket, 'connection')
  const client = await rawClient(stage, service.port)
  const [socket] = await connection
  service.sendReply(socket, 'r1', null, { a: [1] })
  service.sendReply(socket, 7, new Error('no'), undefined)
  for (const text of ['["r1",null,{"a":[1]}]', '[7,"no",null]']) {
    const { opcode, text: got } = await client.next()
    assert.deepStrictEqual([opcode, got], [TEXT, text])
  }
})

each('C85: handleRequest emits request for parsed data', ({ implementation, stage }) => {
  const [{ transport }] = transports(implementation, stage)
  const replies = []
  const emitted = []
  const handler = { reply: (...args) => replies.push(args) }
  transport.on('request', (...args) => emitted.push(args))
  transport.on('request-error', (...args) => emitted.push(args))
  transport.handleRequest(handler, ['rid', 'key', { p: 1 }, 'more'], { cert: 'a cert' })
  transport.handleRequest(handler, null, { cert: null })

  const [[rid, key, payload, { reply }, cert], error] = emitted
  assert.deepStrictEqual([rid, key, payload, cert, error], ['rid', 'key', { p: 1 }, 'a cert', []])
  const problem = new Error('no')
  reply(problem, 5)
  assert.deepStrictEqual(replies, [['rid', problem, 5]])
})

each('C86: getSocket makes the server that becomes .socket', async ({ implementation, stage }) => {
  const made = []
  class Transport extends implementation.TransportRPCServer {
    getSocket (opts) {
      const socket = super.getSocket(opts)
      made.push({ socket, opts })
      return socket
    }
  }
  const service = await stage.serve(implementation, undefined, {}, Transport)
  assert.strictEqual(made.length, 1)
  assert.strictEqual(service.socket, made[0].socket)
  assert.strictEqual(made[0].opts.port, service.port)
  assert.strictEqual(await echo(await plainClient(stage, service), 'r'), '["r",null,"r"]')
})

each('C86: getSecureSocket makes the server that becomes .socket with TLS', async ({ implementation, stage }) => {
  const made = []
  class Transport extends implementation.TransportRPCServer {
    getSecureSocket (...args) {
      const socket = super.getSecureSocket(...args)
      // The original's own stop leaves the port open.
      if (socket.options) stage.after(() => socket.options.server.close())
      made.push({ socket, args })
      return socket
    }
  }
  const { server, client } = certificates()
  const secure = { ...server, verifyClient: () => true }
  const service = await stage.serve(implementation, undefined, { secure }, Transport)
  assert.strictEqual(made.length, 1)
  assert.strictEqual(service.socket, made[0].socket)
  assert.deepStrictEqual(made[0].args, [service.port, secure])
  const peer = stage.client(implementation, service.dest, { secure: client })
  assert.deepStrictEqual(await call(peer, 'request', 'k', 'x', {}), { err: null, res: 'x' })
})

each('C87 C88: parse and format', ({ implementation, stage }) => {
  const [server, client] = transports(implementation, stage)
  for (const { transport } of [server, client]) {
    const value = { a: [1, null, 'ä\u2028"'], b: { c: false } }
    assert.strictEqual(transport.format(value), JSON.stringify(value))
    assert.deepStrictEqual(transport.parse(JSON.stringify(value)), value)
    assert.deepStrictEqual(transport.parse(Buffer.from(JSON.stringify(value))), value)
    assert.strictEqual(transport.parse('0'), 0)
    for (const garbage of ['', '{', 'text', '[1,]', Buffer.from([0xff]), Buffer.alloc(0), undefined]) {
      assert.strictEqual(transport.parse(garbage), null)
    }
  }
})
