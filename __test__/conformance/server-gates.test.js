'use strict'

// Gates on the server object of a transport: who is let in, and what serves a connection, which is a
// listener of `connection` with the original.

const assert = require('node:assert')
const http = require('http')
const { once } = require('events')
const Ws = require('ws')
const { each } = require('../helpers/conformance')
const { certificates } = require('../../scripts/lib/certificates')
const { freePort } = require('../../scripts/lib/ports')
const { serveSecure } = require('../helpers/peers/secure')

const REQUEST = '["1","key",1]'
const ANSWER = '["1",null,1]'

/** What a client sees: the status of an answer that refuses it, or 101 and the socket. */
async function knock (stage, service, path = '/', scheme = 'ws') {
  const socket = new Ws(`${scheme}://${service.dest}${path}`, scheme === 'wss' ? certificates().client : {})
  stage.after(() => socket.terminate())
  const got = []
  socket.on('message', text => got.push(String(text)))
  const status = await new Promise(resolve => {
    socket.on('unexpected-response', (request, response) => {
      response.resume()
      resolve(response.statusCode)
    })
    socket.on('open', () => resolve(101))
    socket.on('error', resolve)
  })
  return { status, socket, got }
}

/** What the other side said before is heard when this is. */
async function said (socket) {
  const pong = once(socket, 'pong')
  socket.ping()
  await pong
}

/** All that a client got, once it has asked and been answered. */
async function ask ({ socket, got }) {
  socket.send(REQUEST)
  while (!got.includes(ANSWER)) await once(socket, 'message')
  await said(socket)
  return got
}

/** All that a client got, once the service has had its request. */
async function askInVain (service, { socket, got }) {
  const had = once([...service.socket.clients].pop(), 'message')
  socket.send(REQUEST)
  await had
  await said(socket)
  return got
}

const onlySecret = req => req.url === '/secret'

const KINDS = {
  'a server': (stage, implementation) => stage.serve(implementation),
  'a server with TLS': (stage, implementation) => serveSecure(stage, implementation, {}),
  'a publisher': (stage, implementation) => stage.publisher(implementation),
  'a server of getSocket': async (stage, implementation) => {
    class Own extends implementation.PeerRPCServer.prototype.getTransportClass.call({}) {
      getSocket (opts) {
        const server = super.getSocket(opts)
        return Object.assign(server, { isOfSubclass: true })
      }
    }
    return stage.serve(implementation, undefined, {}, Own)
  }
}

for (const [kind, make] of Object.entries(KINDS)) {
  const scheme = kind.includes('TLS') ? 'wss' : 'ws'

  each(`C513: shouldHandle replaced on ${kind} keeps out what it does not take`, async ({ implementation, stage }) => {
    const service = await make(stage, implementation)
    service.socket.shouldHandle = onlySecret
    assert.strictEqual((await knock(stage, service, '/', scheme)).status, 400)
    assert.strictEqual((await knock(stage, service, '/secret', scheme)).status, 101)
  })

  each(`C515: options.verifyClient and options.path assigned on ${kind} that listens count`, async ({ implementation, stage }) => {
    const service = await make(stage, implementation)
    const { options } = service.socket
    options.verifyClient = ({ req }) => req.url === '/me'
    assert.strictEqual((await knock(stage, service, '/', scheme)).status, 401)
    assert.strictEqual((await knock(stage, service, '/me', scheme)).status, 101)
    options.verifyClient = (info, answer) => answer(info.req.url !== '/me', 402)
    assert.strictEqual((await knock(stage, service, '/me', scheme)).status, 402)
    options.verifyClient = () => true
    options.path = '/ws'
    assert.strictEqual((await knock(stage, service, '/me', scheme)).status, 400)
    assert.strictEqual((await knock(stage, service, '/ws', scheme)).status, 101)
  })

  each(`C516: another maxPayload or handleProtocols of ${kind} that listens is an ERR_UNSUPPORTED`, async ({ implementation, stage }) => {
    const service = await make(stage, implementation)
    const { options } = service.socket
    for (const [name, value] of [['maxPayload', 5], ['handleProtocols', () => false]]) {
      assert.throws(() => { options[name] = value }, { code: 'ERR_UNSUPPORTED', message: new RegExp(name) })
      assert.throws(() => { service.socket.options = { ...options, [name]: value } }, { code: 'ERR_UNSUPPORTED' })
    }
    service.socket.options = { ...options }
  }, { better: true })
}

each('C513: shouldHandle assigned in getSocket counts', async ({ implementation, stage }) => {
  class Gated extends implementation.PeerRPCServer.prototype.getTransportClass.call({}) {
    getSocket (opts) {
      const server = super.getSocket(opts)
      server.shouldHandle = onlySecret
      return server
    }
  }
  const service = await stage.serve(implementation, undefined, {}, Gated)
  assert.strictEqual((await knock(stage, service)).status, 400)
  assert.deepStrictEqual(await ask(await knock(stage, service, '/secret')), [ANSWER])
})

each('C513: a shouldHandle that throws lets nobody in', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  service.socket.shouldHandle = () => { throw new Error('gate') }
  assert.strictEqual((await knock(stage, service)).status, 500)
}, { better: true })

each('C519: a gate cannot be put where it would not be asked', async ({ implementation, stage }) => {
  const { socket } = await stage.serve(implementation)
  const value = () => false
  assert.throws(() => Object.defineProperty(socket, 'shouldHandle', { value }), TypeError)
  assert.throws(() => Object.defineProperty(socket.options, 'verifyClient', { value }), TypeError)
  assert.throws(() => { socket.constructor.prototype.shouldHandle = value }, { code: 'ERR_UNSUPPORTED' })
}, { better: true })

for (const scheme of ['ws', 'wss']) {
  each(`C514: what serves a connection of a server is a listener that a gate calls (${scheme})`, async ({ implementation, stage }) => {
    const service = scheme === 'ws' ? await stage.serve(implementation) : await serveSecure(stage, implementation, {})
    const requests = []
    service.on('request', (rid, key, payload, handler, cert) => requests.push(cert && cert.subject.CN))
    const before = await knock(stage, service, '/', scheme)
    const serve = service.socket.listeners('connection')
    assert.strictEqual(serve.length, 1)
    service.socket.removeAllListeners('connection')
    const listened = []
    service.socket.on('connection', (ws, req) => {
      listened.push(ws.listenerCount('message'))
      ws.once('message', text => {
        if (text !== 'token') return ws.close(4401)
        serve.forEach(f => f.call(service.socket, ws, req))
        ws.send('in')
      })
    })
    const stranger = await knock(stage, service, '/', scheme)
    const closed = once(stranger.socket, 'close')
    for (let nth = 0; nth < 3; nth++) stranger.socket.send(REQUEST)
    assert.strictEqual((await closed)[0], 4401)
    assert.deepStrictEqual([stranger.got, requests], [[], []])
    const guest = await knock(stage, service, '/', scheme)
    guest.socket.send('token')
    assert.deepStrictEqual(await ask(guest), ['in', ANSWER])
    assert.deepStrictEqual(await ask(before), [ANSWER])
    assert.deepStrictEqual(listened, [0, 0])
    assert.deepStrictEqual(requests.map(cert => typeof cert), Array(2).fill(scheme === 'ws' ? 'object' : 'string'))
  })
}

each('C514: without any listener of connection nothing is answered; with it again all is', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const server = service.socket
  const [serve] = server.listeners('connection')
  for (const remove of [() => server.off('connection', serve), () => server.removeAllListeners()]) {
    remove()
    assert.deepStrictEqual(await askInVain(service, await knock(stage, service)), [])
    server.on('connection', serve)
    assert.deepStrictEqual(await ask(await knock(stage, service)), [ANSWER])
  }
  const heard = []
  server.on('connection', ws => ws.on('message', text => heard.push(text)))
  assert.deepStrictEqual(await ask(await knock(stage, service)), [ANSWER])
  assert.deepStrictEqual(heard, [REQUEST])
})

each('C514: who is before it finds a socket without listener, and after it one', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const counts = []
  service.socket.on('connection', ws => counts.push(ws.listenerCount('message')))
  assert.deepStrictEqual(await ask(await knock(stage, service)), [ANSWER])
  service.socket.prependListener('connection', ws => {
    counts.push(ws.listenerCount('message'))
    ws.removeAllListeners('message')
  })
  assert.deepStrictEqual(await ask(await knock(stage, service)), [ANSWER])
  assert.deepStrictEqual(counts, [1, 0, 1])
  assert.strictEqual(service.socket.listenerCount('connection'), 3)
})

each('C517: a publisher without its listener of connection publishes to those whom it is called with', async ({ implementation, stage }) => {
  const service = await stage.publisher(implementation)
  const before = await knock(stage, service)
  const [take] = service.socket.listeners('connection')
  service.socket.removeAllListeners('connection')
  service.socket.on('connection', (ws, req) => {
    if (req.url === '/in') take(ws, req)
    if (req.url === '/own') service._sockets.set('own', ws)
  })
  const [stranger, guest, own] = [await knock(stage, service), await knock(stage, service, '/in'), await knock(stage, service, '/own')]
  // It came before anybody looked.
  service.pub('one')
  for (const { socket } of [before, stranger, guest, own]) await said(socket)
  assert.deepStrictEqual([before, stranger, guest, own].map(({ got }) => got), [['one'], [], ['one'], ['one']])
  const gone = once(service.socket.clients.values().next().value, 'close')
  before.socket.close()
  await gone
  service.pub('two')
  await said(guest.socket)
  assert.deepStrictEqual([guest.got, service._sockets.size], [['one', 'two'], 2])
})

/** A server of somebody else, which hands its connections to a service. */
async function foreign (stage, service) {
  const port = await freePort()
  const server = http.createServer()
  const wss = new Ws.Server({ server })
  wss.on('connection', (ws, req) => service.socket.emit('connection', ws, req))
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  stage.after(() => {
    wss.close()
    server.close()
  })
  return { dest: `127.0.0.1:${port}` }
}

each('C518: a socket of somebody else is served when `connection` is emitted with it', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const guest = await knock(stage, await foreign(stage, service))
  assert.deepStrictEqual(await ask(guest), [ANSWER])
  assert.deepStrictEqual(await ask(await knock(stage, service)), [ANSWER])
})

each('C518: a publisher takes it among its subscribers', async ({ implementation, stage }) => {
  const service = await stage.publisher(implementation)
  const native = await knock(stage, service)
  const guest = await knock(stage, await foreign(stage, service))
  service.pub('one')
  for (const { socket } of [native, guest]) await said(socket)
  assert.deepStrictEqual([native.got, guest.got], [['one'], ['one']])
  assert.strictEqual(service._sockets.size, 2)
  const [closed] = [...service._sockets.values()].slice(1).map(socket => once(socket, 'close'))
  guest.socket.close()
  await closed
  assert.strictEqual(service._sockets.size, 1)
})
