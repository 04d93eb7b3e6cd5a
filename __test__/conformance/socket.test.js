'use strict'

// The object behind `.socket`: what it tells about servers and connections.

const assert = require('node:assert')
const http = require('http')
const net = require('net')
const { once } = require('events')
const { call, each, pair } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')
const { subscribed } = require('../helpers/peers/subscribers')
const { RawClient } = require('../helpers/wire/raw-client')

/** An RPC server and a connected client transport: `{ service, transport, connection, request }`. */
async function connected (stage, server, client) {
  const service = await stage.serve(server)
  const accepted = once(service.socket, 'connection')
  const transport = stage.client(client, service.dest).transport(service.dest)
  transport.connect()
  const opened = once(transport.socket, 'open')
  const [[connection, request]] = await Promise.all([accepted, opened])
  return { service, transport, connection, request }
}

/** A server without Stage, to see it from its first moment. */
function listening (stage, implementation, Peer, port) {
  const peer = new implementation[Peer]({}, {})
  peer.init()
  const service = peer.transport('server').listen(port)
  const { socket } = service
  stage.after(() => {
    socket.close()
    service.stop()
    peer.stop()
  })
  return service
}

/** Something that answers an upgrade with a plain HTTP status. */
async function refusing (stage, status) {
  const server = http.createServer().listen(0, '127.0.0.1')
  server.on('upgrade', (request, socket) => socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`))
  await once(server, 'listening')
  stage.after(() => server.close())
  return `127.0.0.1:${server.address().port}`
}

pair('C121: own properties on sockets stay', async ({ server, client, stage }) => {
  const { service, transport, connection } = await connected(stage, server, client)
  for (const one of [service.socket, connection, transport.socket]) {
    one.mine = { since: 1 }
    one[Symbol.for('mine')] = one
  }
  assert.deepStrictEqual((await call(transport, 'request', 'key', 1, {})).res, 1)
  assert.strictEqual(service.socket.mine.since, 1)
  assert.strictEqual(transport.socket.mine.since, 1)
  assert.strictEqual([...service.socket.clients][0].mine.since, 1)
  assert.strictEqual(connection[Symbol.for('mine')], connection)
  assert.ok(Object.prototype.hasOwnProperty.call(connection, 'mine'))
})

pair('C121: a subscription and a publisher have such sockets too', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  service.socket.mine = 1
  const accepted = once(service.socket, 'connection')
  const transport = stage.subscriber(client, service.dest).transport(service.dest)
  transport.sub('key')
  transport.socket.mine = 2
  await Promise.all([accepted, once(transport, 'connected')])
  assert.deepStrictEqual([service.socket.mine, transport.socket.mine], [1, 2])
})

pair('C122: a server emits connection with the socket and the request', async ({ server, client, stage }) => {
  const { service, transport, connection, request } = await connected(stage, server, client)
  assert.strictEqual(typeof connection.send, 'function')
  assert.strictEqual(request.url, '/ws')
  assert.strictEqual(request.method, 'GET')
  assert.strictEqual(request.headers.host, service.dest)
  assert.strictEqual(request.headers.upgrade.toLowerCase(), 'websocket')
  assert.match(request.headers['sec-websocket-key'], /^[+/0-9A-Za-z]{22}==$/)
  assert.match(request.socket.remoteAddress, /^(::ffff:)?127\.0\.0\.1$/)
  assert.ok(Number.isInteger(request.socket.remotePort))
  assert.strictEqual(request.connection, request.socket)
  const heard = once(connection, 'message')
  transport.socket.send('to this connection')
  assert.deepStrictEqual(await heard, ['to this connection'])
})

each('C122: the request tells path, query and headers, repeated ones joined', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const accepted = once(service.socket, 'connection')
  const client = await RawClient.connect(service.dest, '/some/path?a=1 HTTP/1.1\r\nX-Mine: one\r\nX-MINE: two\r\nConstructor: mine\r\nX-End:')
  stage.after(() => client.destroy())
  const [, request] = await accepted
  assert.strictEqual(request.url, '/some/path?a=1')
  assert.strictEqual(request.headers['x-mine'], 'one, two')
  assert.strictEqual(request.headers.constructor, 'mine')
})

for (const Peer of ['PeerRPCServer', 'PeerPub']) {
  each(`C123: the server of a ${Peer} emits listening and close`, async ({ implementation, stage }) => {
    const { socket } = listening(stage, implementation, Peer, await freePort())
    await once(socket, 'listening')
    const closed = once(socket, 'close')
    socket.close()
    assert.deepStrictEqual(await closed, [])
  })

  each(`C123: the server of a ${Peer} emits error for a port in use`, async ({ implementation, stage }) => {
    const taken = net.createServer().listen(0)
    await once(taken, 'listening')
    stage.after(() => taken.close())
    const service = listening(stage, implementation, Peer, taken.address().port)
    const [err] = await once(service.socket, 'error')
    assert.ok(err instanceof Error)
    assert.strictEqual(err.code, 'EADDRINUSE')
  })

  each(`C125: the address of a ${Peer} is what Node's own server tells`, async ({ implementation, stage }) => {
    const node = net.createServer().listen(0)
    await once(node, 'listening')
    const { address, family } = node.address()
    node.close()
    const port = await freePort()
    const { socket } = listening(stage, implementation, Peer, port)
    await once(socket, 'listening')
    assert.deepStrictEqual(socket.address(), { address, family, port })
    socket.close()
    assert.strictEqual(socket.address(), null)
  })

  each(`C126: close of a ${Peer} closes the server and calls back`, async ({ implementation, stage }) => {
    const port = await freePort()
    const service = listening(stage, implementation, Peer, port)
    const { socket } = service
    await once(socket, 'listening')
    const accepted = once(socket, 'connection')
    const client = await RawClient.connect(`127.0.0.1:${port}`)
    const [connection] = await accepted
    const ended = [once(client.socket, 'close'), once(connection, 'close')]
    assert.strictEqual(service.isListening(), true)
    let returned = false
    await new Promise(resolve => {
      socket.close(() => {
        assert.ok(returned, 'not before close returns')
        resolve()
      })
      returned = true
    })
    await Promise.all(ended)
    assert.deepStrictEqual(client.frames, [], 'clients get no close frame')
    assert.strictEqual(socket.clients.size, 0)
    assert.strictEqual(service.isListening(), false)
    const [err] = await once(net.connect(port, '127.0.0.1'), 'error')
    assert.strictEqual(err.code, 'ECONNREFUSED')
  })
}

pair('C124: clients is a Set of the connections', async ({ server, client, stage }) => {
  const { service, transport, connection } = await connected(stage, server, client)
  const { clients } = service.socket
  assert.ok(clients instanceof Set)
  assert.deepStrictEqual([...clients], [connection])
  const accepted = once(service.socket, 'connection')
  const other = stage.client(client, service.dest).transport(service.dest)
  other.connect()
  const [second] = await accepted
  assert.ok(clients.size === 2 && clients.has(second))
  const closed = once(connection, 'close')
  transport.stop()
  await closed
  assert.deepStrictEqual([...clients], [second])
})

pair('C124: clients holds those who came before anybody looked', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const peer = await subscribed(stage, client, service)
  while (service.socket.clients.size === 0) await new Promise(resolve => setImmediate(resolve))
  const [connection] = service.socket.clients
  const message = once(peer, 'message')
  connection.send('only you')
  assert.deepStrictEqual(await message, ['only you'])
})

pair('C127 C135: open comes with the handshake, and readyState follows', async ({ server, client, stage }) => {
  const service = await stage.serve(server)
  const transport = stage.client(client, service.dest).transport(service.dest)
  transport.connect()
  const { socket } = transport
  assert.strictEqual(socket.readyState, 0)
  let opened = 0
  socket.on('open', () => opened++)
  const accepted = once(service.socket, 'connection')
  await once(socket, 'open')
  assert.strictEqual(socket.readyState, 1)
  const [connection] = await accepted
  assert.strictEqual(connection.readyState, 1)

  const ends = [once(socket, 'close'), once(connection, 'close')]
  socket.close()
  assert.strictEqual(socket.readyState, 2)
  await Promise.all(ends)
  assert.deepStrictEqual([socket.readyState, connection.readyState, opened], [3, 3, 1])
})

pair('C135: the constants are on each socket and on its class', async ({ server, client, stage }) => {
  const { transport, connection } = await connected(stage, server, client)
  for (const one of [transport.socket, connection, transport.socket.constructor]) {
    assert.deepStrictEqual([one.CONNECTING, one.OPEN, one.CLOSING, one.CLOSED], [0, 1, 2, 3])
  }
})

pair('C137: url is the address that a client connects to', async ({ server, client, stage }) => {
  const service = await stage.serve(server)
  const transport = stage.client(client, service.dest).transport(service.dest)
  transport.connect()
  assert.strictEqual(transport.socket.url, `ws://${service.dest}/ws`)
  await once(transport.socket, 'open')
  assert.strictEqual(transport.socket.url, `ws://${service.dest}/ws`)

  const publisher = await stage.publisher(server)
  const subscription = stage.subscriber(client, publisher.dest).transport(publisher.dest)
  subscription.sub('key')
  assert.strictEqual(subscription.socket.url, `ws://${publisher.dest}/ws`)
  await once(subscription, 'connected')
})

each('C129: a refused upgrade is an error and then close', async ({ implementation, stage }) => {
  const dest = await refusing(stage, 404)
  const transport = stage.client(implementation, dest).transport(dest)
  transport.connect()
  const { socket } = transport
  const events = []
  socket.on('open', () => events.push(['open']))
  socket.on('error', err => events.push(['error', err.message]))
  const closed = new Promise(resolve => socket.on('close', resolve))
  socket.on('close', (code, reason) => events.push(['close', code, reason]))
  await closed
  assert.deepStrictEqual(events, [['error', 'Unexpected server response: 404'], ['close', 1006, '']])
  assert.strictEqual(socket.readyState, 3)
})

each('C129: a broken frame is an error and then close at the server\'s connection', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const accepted = once(service.socket, 'connection')
  const client = await RawClient.connect(service.dest)
  stage.after(() => client.destroy())
  const [connection] = await accepted
  const events = []
  connection.on('error', err => events.push(['error', err instanceof Error]))
  const closed = new Promise(resolve => connection.on('close', resolve))
  // An unmasked text frame: clients must mask.
  client.write(Buffer.from([0x81, 1, 65]))
  const code = await closed
  assert.deepStrictEqual(events, [['error', true]])
  assert.strictEqual(code, 1006)
})
