'use strict'

// Listeners of `message` on the socket objects of a transport: what answers requests, takes replies
// and tells subscribers is one of them, as with the original, and may be taken away.

const assert = require('node:assert')
const { once } = require('events')
const Ws = require('ws')
const { call, each, pair } = require('../helpers/conformance')
const { certificates } = require('../../scripts/lib/certificates')
const { clientOf, connectionOf } = require('../helpers/peers/hooks')
const { serveSecure } = require('../helpers/peers/secure')

const REQUEST = '["1","key",1]'

/** A client that speaks for itself: what it got, and a wait for so much of it. */
async function rawTo (stage, { dest, port }) {
  const socket = new Ws(`ws://${dest || `127.0.0.1:${port}`}/ws`)
  stage.after(() => socket.terminate())
  const got = []
  const enough = []
  socket.on('message', text => {
    got.push(String(text))
    for (const one of enough) if (got.length >= one.count) one.resolve()
  })
  await once(socket, 'open')
  const until = count => got.length >= count ? undefined : new Promise(resolve => enough.push({ count, resolve }))
  return { socket, got, until }
}

/** What the other side said before is heard when this is. */
async function said (socket) {
  const pong = once(socket, 'pong')
  socket.ping()
  await pong
}

/** Lets only those in who say a token first. */
function guard (socket) {
  const listeners = socket.listeners('message')
  socket.removeAllListeners('message')
  socket.once('message', text => {
    if (text !== 'token') return socket.close(4401, 'no')
    for (const one of listeners) socket.on('message', one)
  })
}

each('C470: a gate of removed listeners lets nobody in who does not say the token', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  let requests = 0
  service.on('request', () => requests++)
  service.socket.on('connection', guard)

  const stranger = await rawTo(stage, service)
  const closed = once(stranger.socket, 'close')
  for (let nth = 0; nth < 3; nth++) stranger.socket.send(REQUEST)
  assert.strictEqual((await closed)[0], 4401)
  assert.deepStrictEqual([stranger.got, requests], [[], 0])

  const guest = await rawTo(stage, service)
  for (const text of ['token', REQUEST, '["2","key","two"]']) guest.socket.send(text)
  await guest.until(2)
  assert.deepStrictEqual(guest.got, ['["1",null,1]', '["2",null,"two"]'])
  assert.strictEqual(requests, 2)
})

each('C470: the same with TLS', async ({ implementation, stage }) => {
  const service = await serveSecure(stage, implementation, {})
  service.socket.on('connection', guard)
  const { client: certs } = certificates()
  const connect = async () => {
    const socket = new Ws(`wss://${service.dest}/ws`, certs)
    stage.after(() => socket.terminate())
    await once(socket, 'open')
    return socket
  }
  const stranger = await connect()
  const heard = []
  stranger.on('message', text => heard.push(text))
  stranger.send(REQUEST)
  assert.strictEqual((await once(stranger, 'close'))[0], 4401)
  assert.deepStrictEqual(heard, [])
  const guest = await connect()
  guest.send('token')
  guest.send(REQUEST)
  assert.strictEqual(String((await once(guest, 'message'))[0]).slice(0, 4), '["1"')
})

for (const [way, remove] of Object.entries({
  'removeAllListeners(\'message\')': socket => socket.removeAllListeners('message'),
  'removeAllListeners()': socket => socket.removeAllListeners(),
  'off(\'message\', it)': socket => socket.off('message', socket.listeners('message')[0]),
  'removeListener(\'message\', it)': socket => socket.removeListener('message', socket.rawListeners('message')[0])
})) {
  each(`C470: ${way} ends the answers of a connection that has got some`, async ({ implementation, stage }) => {
    const service = await stage.serve(implementation)
    const { socket, got, until } = await rawTo(stage, service)
    socket.send(REQUEST)
    await until(1)
    const [theirs] = service.socket.clients
    assert.strictEqual(theirs.listenerCount('message'), 1)
    remove(theirs)
    assert.strictEqual(theirs.listenerCount('message'), 0)
    const raw = once(theirs, 'message')
    socket.send('["2","key",2]')
    assert.strictEqual(String((await raw)[0]), '["2","key",2]')
    await said(socket)
    assert.deepStrictEqual(got, ['["1",null,1]'])
  })
}

each('C470: the listener may be called, added again, and is called for what is emitted', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const { socket, got, until } = await rawTo(stage, service)
  // The connection is there before anybody looks.
  socket.send(REQUEST)
  await until(1)
  const [theirs] = service.socket.clients
  theirs.emit('message', '["emitted","key",2]')
  await until(2)
  const [answer] = theirs.listeners('message')
  assert.strictEqual(typeof answer, 'function')
  theirs.off('message', answer)
  answer('["called","key",3]')
  await until(3)
  theirs.on('message', text => answer(String(text).replace('first', 'second')))
  socket.send('["first","key",4]')
  await until(4)
  theirs.removeAllListeners('message')
  theirs.on('message', answer)
  socket.send('["again","key",5]')
  await until(5)
  assert.deepStrictEqual(got.map(text => JSON.parse(text)), [
    ['1', null, 1], ['emitted', null, 2], ['called', null, 3], ['second', null, 4], ['again', null, 5]
  ])
})

each('C470: who only listens gets each message once, and each request is answered once', async ({ implementation, stage }) => {
  let requests = 0
  const service = await stage.serve(implementation, (rid, key, payload, handler) => {
    requests++
    // In the middle of a request.
    if (payload === 3) for (const theirs of service.socket.clients) theirs.listeners('message')
    handler.reply(null, payload)
  })
  const heard = []
  service.socket.on('connection', theirs => theirs.on('message', text => heard.push(JSON.parse(text)[2])))
  const { socket, got, until } = await rawTo(stage, service)
  const payloads = [1, 2, 3, 4, 5, 6]
  for (const payload of payloads) socket.send(JSON.stringify([String(payload), 'key', payload]))
  await until(payloads.length)
  await said(socket)
  assert.deepStrictEqual(got, payloads.map(payload => `["${payload}",null,${payload}]`))
  assert.deepStrictEqual([heard, requests], [payloads, payloads.length])
})

pair('C471: a client\'s socket has one listener that takes the replies, and it may be taken away', async ({ server, client, stage }) => {
  const service = await stage.serve(server)
  const transport = clientOf(stage, client, service)
  assert.deepStrictEqual(await call(transport, 'request', 'key', 1, { timeout: 5000 }), { err: null, res: 1 })
  const { socket } = transport
  assert.strictEqual(socket.listenerCount('message'), 1)
  const [take] = socket.listeners('message')
  socket.removeAllListeners('message')
  const held = []
  const first = new Promise(resolve => socket.on('message', text => {
    held.push(text)
    if (held.length === 2) resolve()
  }))
  const answers = []
  const answered = Promise.all([2, 3].map(payload => call(transport, 'request', 'key', payload, { timeout: 5000 })
    .then(answer => answers.push(answer))))
  await first
  assert.deepStrictEqual(answers, [])
  for (const text of held) take(text)
  await answered
  assert.deepStrictEqual(answers, [{ err: null, res: 2 }, { err: null, res: 3 }])
  socket.on('message', take)
  assert.deepStrictEqual(await call(transport, 'request', 'key', 4, { timeout: 5000 }), { err: null, res: 4 })
})

pair('C471: what was asked before is heard by the same listeners', async ({ server, client, stage }) => {
  const waiting = []
  const service = await stage.serve(server, (rid, key, payload, handler) => {
    waiting.push(() => handler.reply(null, payload))
    service.emit('waits')
  })
  const transport = clientOf(stage, client, service)
  const asked = once(service, 'waits')
  const answer = call(transport, 'request', 'key', 1, { timeout: 5000 })
  await asked
  const { socket } = transport
  const [take] = socket.listeners('message')
  socket.off('message', take)
  const raw = once(socket, 'message')
  waiting.pop()()
  const [text] = await raw
  take(text)
  assert.deepStrictEqual(await answer, { err: null, res: 1 })
})

pair('C471: a subscriber\'s socket has one listener that tells the transport', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const peer = stage.subscriber(client, service.dest)
  const transport = peer.transport(service.dest)
  const heard = []
  transport.on('message', text => heard.push(`transport ${text}`))
  transport.sub()
  await once(transport, 'connected')
  const { socket } = transport
  const [tell] = socket.listeners('message')
  assert.strictEqual(socket.listenerCount('message'), 1)
  let next = once(transport, 'message')
  service.pub('one')
  await next
  socket.removeAllListeners('message')
  socket.on('message', text => heard.push(`socket ${text}`))
  next = once(socket, 'message')
  service.pub('two')
  await next
  next = once(transport, 'message')
  tell('three')
  await next
  assert.deepStrictEqual(heard, ['transport one', 'socket two', 'transport three'])
})

pair('C472: a socket without any listener left hears messages and pings again', async ({ server, client, stage }) => {
  const service = await stage.serve(server)
  const transport = clientOf(stage, client, service)
  const [theirs] = await connectionOf(service, transport)
  await call(transport, 'request', 'key', 1, { timeout: 5000 })
  const { socket } = transport
  for (const one of [socket, theirs]) one.removeAllListeners()
  for (const [one, other] of [[socket, theirs], [theirs, socket]]) {
    const message = once(one, 'message')
    const ping = once(one, 'ping')
    other.send('raw')
    other.ping('beat')
    assert.strictEqual(String((await message)[0]), 'raw')
    assert.strictEqual(String((await ping)[0]), 'beat')
  }
})
