'use strict'

// The object behind `.socket`: what goes over a connection by it, and how it ends.

const assert = require('node:assert')
const { once } = require('events')
const { call, each, pair } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')
const { RawClient } = require('../helpers/wire/raw-client')

const TEXT = 1
const BINARY = 2
const CLOSE = 8
const PING = 9
const PONG = 10

/** An RPC server and a connected client transport, and both ends' sockets. */
async function connected (stage, server, client) {
  const service = await stage.serve(server)
  const accepted = once(service.socket, 'connection')
  const transport = stage.client(client, service.dest).transport(service.dest)
  transport.connect()
  const { socket } = transport
  const [[connection]] = await Promise.all([accepted, once(socket, 'open')])
  return { service, transport, socket, connection }
}

/** A publisher's connection and the raw client at its other end; a publisher says nothing itself. */
async function raw (stage, implementation) {
  const service = await stage.publisher(implementation)
  const accepted = once(service.socket, 'connection')
  const client = await RawClient.connect(service.dest)
  stage.after(() => client.destroy())
  const [connection] = await accepted
  return { service, connection, client }
}

/** Resolves with the arguments of the callback that `act` gets. */
function answered (act) {
  return new Promise(resolve => act((...args) => resolve(args)))
}

/** The first `count` messages of a socket. */
function messages (socket, count) {
  const heard = []
  return new Promise(resolve => socket.on('message', data => {
    if (heard.push(data) === count) resolve(heard)
  }))
}

pair('C128: message is a string for text and a Buffer for binary, both ways', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const accepted = once(service.socket, 'connection')
  const transport = stage.subscriber(client, service.dest).transport(service.dest)
  transport.sub('key')
  const { socket } = transport
  const [[connection]] = await Promise.all([accepted, once(socket, 'open')])
  const sent = ['', 'text ü', '"json"', Buffer.alloc(0), Buffer.from([1, 0, 255]), 'long'.repeat(30000), Buffer.alloc(90000, 3)]
  for (const [from, to] of [[socket, connection], [connection, socket]]) {
    const heard = messages(to, sent.length)
    for (const one of sent) from.send(one)
    assert.deepStrictEqual(await heard, sent)
  }
})

pair('C129 C133: close carries code and reason to the other side, which answers it', async ({ server, client, stage }) => {
  for (const closer of ['socket', 'connection']) {
    const ends = await connected(stage, server, client)
    const closed = [once(ends.socket, 'close'), once(ends.connection, 'close')]
    ends[closer].close(4001, 'enough ü')
    assert.strictEqual(ends[closer].readyState, 2)
    assert.deepStrictEqual(await Promise.all(closed), [[4001, 'enough ü'], [4001, 'enough ü']])
  }
})

pair('C129 C133: close without a code is 1005 on both sides', async ({ server, client, stage }) => {
  const { socket, connection } = await connected(stage, server, client)
  const closed = [once(socket, 'close'), once(connection, 'close')]
  connection.close()
  assert.deepStrictEqual(await Promise.all(closed), [[1005, ''], [1005, '']])
  // Again does nothing.
  connection.close()
  connection.terminate()
})

each('C133: a close frame goes out, and none for terminate', async ({ implementation, stage }) => {
  const one = await raw(stage, implementation)
  one.connection.close(4002, 'why')
  const [frame] = await one.client.next(1)
  assert.strictEqual(frame.opcode, CLOSE)
  assert.deepStrictEqual(frame.data, Buffer.concat([Buffer.from([4002 >> 8, 4002 & 255]), Buffer.from('why')]))

  const other = await raw(stage, implementation)
  const ended = once(other.client.socket, 'close')
  const closed = once(other.connection, 'close')
  other.connection.terminate()
  await ended
  assert.deepStrictEqual(other.client.frames, [])
  assert.deepStrictEqual(await closed, [1006, ''])
})

each('C133: a code that nobody may send is a TypeError', async ({ implementation, stage }) => {
  for (const code of [1, 999, 1004, 1005, 1006, 1015, 5000, '1000']) {
    const { connection } = await raw(stage, implementation)
    assert.throws(() => connection.close(code), { name: 'TypeError', message: 'First argument must be a valid error code number' })
    connection.terminate()
  }
  const { connection } = await raw(stage, implementation)
  assert.throws(() => connection.close(1000, 'x'.repeat(124)), RangeError)
})

pair('C134: terminate is 1006 on both sides', async ({ server, client, stage }) => {
  for (const killer of ['socket', 'connection']) {
    const ends = await connected(stage, server, client)
    const closed = [once(ends.socket, 'close'), once(ends.connection, 'close')]
    ends[killer].terminate()
    assert.deepStrictEqual(await Promise.all(closed), [[1006, ''], [1006, '']])
  }
})

pair('C129 C133 C134: what ends before the handshake never opens, and closes with 1006', async ({ server, client, stage }) => {
  const service = await stage.serve(server)
  for (const way of ['close', 'terminate']) {
    const transport = stage.client(client, service.dest).transport(service.dest)
    transport.connect()
    const { socket } = transport
    const events = []
    socket.on('open', () => events.push('open'))
    // The original tells it as an error, too.
    socket.on('error', () => {})
    const closed = new Promise(resolve => socket.on('close', (...args) => resolve(args)))
    socket[way]()
    assert.strictEqual(socket.readyState, 2)
    assert.deepStrictEqual(await closed, [1006, ''])
    assert.deepStrictEqual(events, [])
  }
})

each('C129: a connection that is refused is an error and then close', async ({ implementation, stage }) => {
  const dest = `127.0.0.1:${await freePort()}`
  const transport = stage.client(implementation, dest).transport(dest)
  transport.connect()
  const { socket } = transport
  const events = []
  socket.on('error', err => events.push(err.code))
  await new Promise(resolve => socket.on('close', (...args) => resolve(events.push(args))))
  assert.deepStrictEqual(events, ['ECONNREFUSED', [1006, '']])
})

pair('C130 C132: ping and pong carry data, and a ping is answered', async ({ server, client, stage }) => {
  const { socket, connection } = await connected(stage, server, client)
  for (const [from, to] of [[socket, connection], [connection, socket]]) {
    const pinged = once(to, 'ping')
    const ponged = once(from, 'pong')
    from.ping('are you there?')
    assert.deepStrictEqual(await pinged, [Buffer.from('are you there?')])
    assert.deepStrictEqual(await ponged, [Buffer.from('are you there?')])

    const unasked = once(to, 'pong')
    from.pong(Buffer.from([1, 2]))
    assert.deepStrictEqual(await unasked, [Buffer.from([1, 2])])

    const empty = once(to, 'ping')
    from.ping()
    assert.deepStrictEqual(await empty, [Buffer.alloc(0)])
  }
})

pair('C130: requests go on beside pings', async ({ server, client, stage }) => {
  const { transport, socket, connection } = await connected(stage, server, client)
  const ponged = once(connection, 'pong')
  connection.ping('a')
  assert.deepStrictEqual((await call(transport, 'request', 'key', { a: 1 }, {})).res, { a: 1 })
  assert.deepStrictEqual(await ponged, [Buffer.from('a')])
  socket.ping()
  assert.strictEqual((await call(transport, 'request', 'key', 'b', {})).res, 'b')
})

each('C131: send takes data, options and a callback', async ({ implementation, stage }) => {
  const { connection, client } = await raw(stage, implementation)
  connection.send('one')
  const second = answered(cb => connection.send('two', cb))
  const third = answered(cb => connection.send('three', { binary: true }, cb))
  const fourth = answered(cb => connection.send(Buffer.from('four'), { binary: false }, cb))
  connection.send('five', {})
  connection.send(6)
  for (const called of [second, third, fourth]) assert.ok(!(await called)[0])
  const frames = await client.next(6)
  assert.deepStrictEqual(frames.map(({ opcode, data }) => [opcode, data.toString()]), [
    [TEXT, 'one'], [TEXT, 'two'], [BINARY, 'three'], [TEXT, 'four'], [TEXT, 'five'], [TEXT, '6']
  ])
})

each('C132: ping and pong take data, mask and a callback', async ({ implementation, stage }) => {
  const { connection, client } = await raw(stage, implementation)
  connection.ping()
  const calls = [
    answered(cb => connection.ping('two', undefined, cb)),
    answered(cb => connection.ping('three', cb)),
    answered(cb => connection.pong(cb)),
    answered(cb => connection.pong(5, false, cb))
  ]
  for (const called of calls) assert.ok(!(await called)[0])
  const frames = await client.next(5)
  assert.deepStrictEqual(frames.map(({ opcode, data }) => [opcode, data.toString()]), [
    [PING, ''], [PING, 'two'], [PING, 'three'], [PONG, ''], [PONG, '5']
  ])
  assert.throws(() => connection.ping('x'.repeat(126)), RangeError)
  assert.throws(() => connection.pong(Buffer.alloc(126)), RangeError)
})

pair('C131 C132: before the connection they throw, after it the callback gets an error', async ({ server, client, stage }) => {
  const service = await stage.serve(server)
  const transport = stage.client(client, service.dest).transport(service.dest)
  transport.connect()
  const { socket } = transport
  for (const method of ['send', 'ping', 'pong']) {
    assert.throws(() => socket[method]('x'), { message: 'WebSocket is not open: readyState 0 (CONNECTING)' })
  }
  await once(socket, 'open')
  const closed = once(socket, 'close')
  socket.close()
  for (const method of ['send', 'ping', 'pong']) {
    const [err] = await answered(cb => socket[method]('x', undefined, cb))
    assert.strictEqual(err.message, 'WebSocket is not open: readyState 2 (CLOSING)')
  }
  await closed
  socket.send('no callback, no error')
  const [err] = await answered(cb => socket.send('x', cb))
  assert.strictEqual(err.message, 'WebSocket is not open: readyState 3 (CLOSED)')
})

each('C136: bufferedAmount counts the bytes that wait', async ({ implementation, stage }) => {
  const { connection, client } = await raw(stage, implementation)
  assert.strictEqual(connection.bufferedAmount, 0)
  client.socket.pause()
  const size = 1024 * 1024
  // What the kernel takes is bounded; what comes on top of that waits here, byte for byte.
  for (let at = 0; at < 12; at++) {
    connection.send(Buffer.alloc(size))
    await new Promise(resolve => setImmediate(resolve))
  }
  // A kernel may take a while to have enough.
  let before
  for (let same = 0; same < 20; same = before === connection.bufferedAmount ? same + 1 : 0) {
    before = connection.bufferedAmount
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  assert.ok(before > 0 && before < 12 * (size + 10), `${before} of 12 MiB wait`)
  const written = answered(cb => connection.send(Buffer.alloc(size), cb))
  assert.strictEqual(connection.bufferedAmount, before + size + 10)
  client.socket.resume()
  assert.ok(!(await written)[0])
  assert.strictEqual(connection.bufferedAmount, 0)
  await client.next(13)
})

pair('C138: raw listeners see every frame, beside requests and replies', async ({ server, client, stage }) => {
  const { transport, socket, connection } = await connected(stage, server, client)
  const seen = { socket: [], connection: [] }
  socket.on('message', data => seen.socket.push(data))
  connection.on('message', data => seen.connection.push(data))
  const payloads = [1, 'two', { three: 'ü'.repeat(9000) }, [4]]
  const answers = await Promise.all(payloads.map(payload => call(transport, 'request', 'key', payload, {})))
  assert.deepStrictEqual(answers.map(({ res }) => res), payloads)
  const requests = seen.connection.map(data => JSON.parse(data))
  const replies = seen.socket.map(data => JSON.parse(data))
  assert.deepStrictEqual(requests.map(([, key, payload]) => [key, payload]), payloads.map(payload => ['key', payload]))
  assert.deepStrictEqual(replies, requests.map(([rid, , payload]) => [rid, null, payload]))
})

pair('C138: they see what the machinery ignores, and one that comes late sees what comes later', async ({ server, client, stage }) => {
  const { service, transport, socket, connection } = await connected(stage, server, client)
  await call(transport, 'request', 'key', 'before anybody listens', {})
  const pushed = messages(socket, 2)
  connection.send('no JSON')
  connection.send('[null,null,"pushed"]')
  assert.deepStrictEqual(await pushed, ['no JSON', '[null,null,"pushed"]'])

  const heard = messages(connection, 2)
  const failed = once(service, 'request-error')
  socket.send('no JSON')
  await failed
  assert.strictEqual((await call(transport, 'request', 'key', 'after', {})).res, 'after')
  const [first, second] = await heard
  assert.strictEqual(first, 'no JSON')
  assert.deepStrictEqual(JSON.parse(second).slice(1), ['key', 'after'])
})

pair('C138: a listener that leaves changes nothing for requests', async ({ server, client, stage }) => {
  const { transport, socket, connection } = await connected(stage, server, client)
  const first = once(connection, 'message')
  const reply = once(socket, 'message')
  await call(transport, 'request', 'key', 1, {})
  await Promise.all([first, reply])
  assert.strictEqual((await call(transport, 'request', 'key', 2, {})).res, 2)
})
