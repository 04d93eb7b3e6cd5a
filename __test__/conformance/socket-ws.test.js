'use strict'

// The members of `ws` 7's own documentation page, on the objects behind `.socket`: each works as
// there, or says clearly that it does not.

const assert = require('node:assert')
const { once } = require('events')
const Ws = require('ws')
const { call, each, native, pair } = require('../helpers/conformance')
const { secureClient, serveSecure } = require('../helpers/peers/secure')

/** A service and a client of it, plain or with TLS: the sockets of both ends, and the request. */
async function ends (stage, server, client, isSecure, onRequest) {
  const service = isSecure ? await serveSecure(stage, server, {}) : await stage.serve(server, onRequest)
  const accepted = once(service.socket, 'connection')
  const peer = isSecure ? secureClient(stage, client, service.dest) : stage.client(client, service.dest)
  const transport = peer.transport(service.dest)
  transport.connect()
  const opened = once(transport.socket, 'open')
  const [[theirs, request]] = await Promise.all([accepted, opened])
  return { service, transport, theirs, ours: transport.socket, request }
}

const later = () => new Promise(resolve => setTimeout(resolve, 50))

for (const isSecure of [false, true]) {
  const way = isSecure ? ', TLS' : ''

  pair(`C285: onmessage and its like hear one function at a time${way}`, async ({ server, client, stage }) => {
    const { theirs, ours } = await ends(stage, server, client, isSecure)
    const heard = []
    assert.strictEqual(ours.onmessage || null, null)
    ours.onmessage = () => heard.push('replaced')
    const onmessage = function ({ data, target, type }) { heard.push([data, target === ours, this === ours, type]) }
    ours.onmessage = onmessage
    assert.strictEqual(ours.onmessage, onmessage)
    const closed = new Promise(resolve => { ours.onclose = resolve })
    ours.onopen = ours.onerror = null
    theirs.send('text')
    theirs.send(Buffer.from('bytes'))
    theirs.close(4001, 'why')
    const { code, reason, wasClean, type } = await closed
    assert.deepStrictEqual({ code, reason: String(reason), wasClean, type }, { code: 4001, reason: 'why', wasClean: true, type: 'close' })
    assert.deepStrictEqual(heard, [['text', true, true, 'message'], [Buffer.from('bytes'), true, true, 'message']])
  })

  pair(`C286: addEventListener and removeEventListener${way}`, async ({ server, client, stage }) => {
    const { theirs, ours } = await ends(stage, server, client, isSecure)
    const heard = []
    const one = ({ data }) => heard.push(`one ${data}`)
    const removed = ({ data }) => heard.push(`removed ${data}`)
    theirs.addEventListener('message', one)
    theirs.addEventListener('message', removed)
    theirs.addEventListener('message', ({ data }) => heard.push(`once ${data}`), { once: true })
    theirs.addEventListener('message', 'no function')
    theirs.removeEventListener('message', removed)
    theirs.removeEventListener('message', () => {})
    const closed = new Promise(resolve => theirs.addEventListener('close', resolve))
    const second = new Promise(resolve => theirs.on('message', text => text === 'b' && resolve()))
    ours.send('a')
    ours.send('b')
    await second
    ours.terminate()
    const { code, wasClean } = await closed
    assert.deepStrictEqual({ code, wasClean }, { code: 1006, wasClean: false })
    assert.deepStrictEqual(heard, ['one a', 'once a', 'one b'])
  })

  pair(`C287 C288: _socket and req.socket are the TCP socket${way}`, async ({ server, client, stage }) => {
    const { service, theirs, ours, request } = await ends(stage, server, client, isSecure)
    const tcp = theirs._socket
    assert.strictEqual(request.socket, tcp)
    const port = Number(service.dest.split(':')[1])
    const at = ({ remoteAddress, remotePort, remoteFamily, localAddress, localPort }) =>
      ({ remoteAddress: remoteAddress.replace('::ffff:', ''), remotePort, remoteFamily, localAddress: localAddress.replace('::ffff:', ''), localPort })
    const far = at(tcp)
    const near = at(ours._socket)
    assert.deepStrictEqual([far.localAddress, far.localPort, near.remoteAddress, near.remotePort], ['127.0.0.1', port, '127.0.0.1', port])
    assert.deepStrictEqual([far.remoteAddress, far.remotePort], [near.localAddress, near.localPort])
    assert.deepStrictEqual([near.remoteFamily, ours._socket.address().port], ['IPv4', near.localPort])
    assert.strictEqual(tcp.setNoDelay(true).setKeepAlive(true, 5000).setNoDelay(false).ref(), tcp)
    assert.deepStrictEqual([tcp.destroyed, tcp.readyState, tcp.connecting], [false, 'open', false])
    const before = tcp.bytesRead
    const heard = once(theirs, 'message')
    ours.send('x'.repeat(1000))
    await heard
    assert.ok(tcp.bytesRead >= before + 1000)
    const closed = [once(tcp, 'close'), once(theirs, 'close'), once(ours, 'close')]
    tcp.destroy()
    assert.strictEqual(tcp.destroyed, true)
    const [[hadError], [code]] = await Promise.all(closed)
    assert.deepStrictEqual([hadError, code], [false, 1006])
  })

  pair(`C287: a socket that is over has no address that nobody asked for before${way}`, async ({ server, client, stage }) => {
    const { theirs, ours } = await ends(stage, server, client, isSecure)
    const tcp = ours._socket
    const closed = once(ours, 'close')
    theirs.terminate()
    await closed
    assert.deepStrictEqual([tcp.remoteAddress, tcp.remotePort, tcp.remoteFamily], [undefined, undefined, undefined])
  })

  pair(`C287: the socket of a connection is there from its event on, and may be closed in it${way}`, async ({ server, client, stage }) => {
    const service = isSecure ? await serveSecure(stage, server, {}) : await stage.serve(server)
    const seen = []
    service.socket.on('connection', socket => {
      seen.push(socket.readyState, Number.isInteger(socket._socket.remotePort))
      socket.close(4002, 'not now')
    })
    const transport = (isSecure ? secureClient(stage, client, service.dest) : stage.client(client, service.dest)).transport(service.dest)
    transport.connect()
    const [code, reason] = await once(transport.socket, 'close')
    assert.deepStrictEqual([code, String(reason), seen], [4002, 'not now', [1, true]])
  })

  pair(`C287: pause and setTimeout of the TCP socket${way}`, async ({ server, client, stage }) => {
    const { theirs, ours } = await ends(stage, server, client, isSecure)
    const heard = []
    theirs.on('message', text => heard.push(text))
    theirs._socket.pause()
    assert.strictEqual(theirs._socket.isPaused(), true)
    await later()
    ours.send('paused')
    await later()
    assert.deepStrictEqual(heard, [])
    const resumed = once(theirs, 'message')
    theirs._socket.resume()
    await resumed
    assert.deepStrictEqual(heard.map(String), ['paused'])
    const idle = once(theirs._socket, 'timeout')
    theirs._socket.setTimeout(20)
    await idle
    theirs._socket.setTimeout(0)
  })

  pair(`C128: who listens from open on hears the first message${way}`, async ({ server, client, stage }) => {
    const service = isSecure ? await serveSecure(stage, server, {}) : await stage.serve(server)
    service.socket.on('connection', socket => socket.send('welcome'))
    for (let round = 0; round < 10; round++) {
      const peer = isSecure ? secureClient(stage, client, service.dest) : stage.client(client, service.dest)
      const transport = peer.transport(service.dest)
      transport.connect()
      const { socket } = transport
      const heard = new Promise(resolve => socket.on('open', () => socket.on('message', resolve)))
      assert.strictEqual(await heard, 'welcome')
    }
  })

  pair(`C290: binaryType says how messages of bytes come${way}`, async ({ server, client, stage }) => {
    const { theirs, ours } = await ends(stage, server, client, isSecure)
    assert.strictEqual(ours.binaryType, 'nodebuffer')
    const told = {}
    for (const type of ['nodebuffer', 'arraybuffer', 'fragments', 'blob']) {
      ours.binaryType = type
      const heard = once(ours, 'message')
      theirs.send(Buffer.from('bytes'))
      told[type] = (await heard)[0]
    }
    assert.strictEqual(ours.binaryType, 'fragments')
    assert.deepStrictEqual(told.nodebuffer, Buffer.from('bytes'))
    assert.ok(told.arraybuffer instanceof ArrayBuffer)
    assert.strictEqual(Buffer.from(told.arraybuffer).toString(), 'bytes')
    for (const type of ['fragments', 'blob']) assert.strictEqual(Buffer.concat(told[type]).toString(), 'bytes')
    const heard = once(ours, 'message')
    theirs.send('text')
    assert.deepStrictEqual(await heard, ['text'])
  })

  pair(`C291: a message may be sent in fragments${way}`, async ({ server, client, stage }) => {
    const { theirs, ours } = await ends(stage, server, client, isSecure)
    for (const [from, to] of [[theirs, ours], [ours, theirs]]) {
      const heard = []
      to.on('message', message => heard.push(message))
      const done = new Promise(resolve => to.on('pong', data => String(data) === 'last' && resolve()))
      from.send('a', { fin: false })
      from.ping('between')
      from.send('b', { fin: false })
      from.send('c', { fin: true })
      from.send(Buffer.from('d'), { fin: false })
      from.send(Buffer.from('e'))
      from.pong('last')
      await done
      assert.deepStrictEqual(heard, ['abc', Buffer.from('de')])
    }
  })
}

pair('C288: what verifyClient is shown is the request of the connection', async ({ server, client, stage }) => {
  const seen = []
  const service = await serveSecure(stage, server, { verifyClient: ({ req }) => seen.push(req) > 0 })
  const accepted = once(service.socket, 'connection')
  const transport = secureClient(stage, client, service.dest).transport(service.dest)
  transport.connect()
  const [theirs, request] = await accepted
  assert.strictEqual(request, seen[0])
  assert.strictEqual(request.socket, theirs._socket)
})

each('C288: also without TLS', async ({ implementation, stage }) => {
  const seen = []
  const service = await stage.serve(implementation, undefined, { verifyClient: ({ req }) => seen.push(req) > 0 })
  const accepted = once(service.socket, 'connection')
  stage.client(implementation, service.dest).transport(service.dest).connect()
  const [theirs, request] = await accepted
  assert.strictEqual(request, seen[0])
  assert.strictEqual(request.socket, theirs._socket)
  assert.strictEqual(theirs._socket.localPort, service.port)
}, { better: true })

each('C288: a client may be ended by its request while it is asked about', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation, undefined, { verifyClient: ({ req }, decide) => req.socket.destroy() })
  const client = new Ws(`ws://${service.dest}`)
  const [err] = await once(client, 'error')
  assert.match(err.message, /hang up|ECONNRESET|Unexpected server response/)
}, { better: true })

each('C289: protocol is the first subprotocol that a client offers, and no extension is agreed upon', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  for (const [offered, agreed] of [[['one', 'two'], 'one'], [[], '']]) {
    const accepted = once(service.socket, 'connection')
    const client = new Ws(`ws://${service.dest}`, offered)
    const [theirs] = await accepted
    await once(client, 'open')
    assert.deepStrictEqual([theirs.protocol, client.protocol, theirs.extensions, client.extensions], [agreed, agreed, '', ''])
    client.terminate()
  }
})

each('C292: a server tells its options, and takes every path', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const { options } = service.socket
  assert.strictEqual(options.port, service.port)
  for (const name of Object.keys(new Ws.Server({ noServer: true }).options)) assert.ok(name in options, name)
  assert.strictEqual(service.socket.shouldHandle({ url: '/any' }), true)
})

each('C293: what can have no meaning here is an error with the code ERR_UNSUPPORTED', async ({ implementation, stage }) => {
  const { service, theirs, ours } = await ends(stage, implementation, implementation, false)
  const is = { code: 'ERR_UNSUPPORTED' }
  assert.throws(() => service.socket.on('headers', () => {}), is)
  assert.throws(() => service.socket.handleUpgrade(), is)
  for (const event of ['upgrade', 'unexpected-response']) assert.throws(() => ours.on(event, () => {}), is)
  for (const event of ['data', 'readable']) assert.throws(() => theirs._socket.on(event, () => {}), is)
  assert.throws(() => theirs._socket.write('x'), is)
  assert.deepStrictEqual(await call(stage.client(native, service.dest), 'request', 'key', 1, {}), { err: null, res: 1 })
}, { better: true })

each('C525: createWebSocketStream of ws is refused a native socket', async ({ implementation, stage }) => {
  const { theirs, ours } = await ends(stage, implementation, implementation, false)
  for (const socket of [theirs, ours]) assert.throws(() => Ws.createWebSocketStream(socket), { code: 'ERR_UNSUPPORTED' })
}, { better: true })

each('C285: every member that the documentation of ws names is there', async ({ implementation, stage }) => {
  const { service, theirs } = await ends(stage, implementation, implementation, false)
  const members = [
    'addEventListener', 'binaryType', 'bufferedAmount', 'close', 'extensions', 'onclose', 'onerror', 'onmessage', 'onopen',
    'ping', 'pong', 'protocol', 'readyState', 'removeEventListener', 'send', 'terminate', 'url', 'CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'
  ]
  for (const name of members) assert.ok(name in theirs, name)
  for (const name of ['address', 'clients', 'close', 'handleUpgrade', 'options', 'shouldHandle']) assert.ok(name in service.socket, name)
})
