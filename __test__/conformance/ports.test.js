'use strict'

// Ports: those in use, and those that a server gives back.

const assert = require('node:assert')
const net = require('node:net')
const tls = require('node:tls')
const { once } = require('node:events')
const { certificates } = require('../../scripts/lib/certificates')
const { run } = require('../../scripts/lib/child')
const { call, each } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')
const { refused } = require('../../scripts/lib/frames')

const serverConf = () => ({ secure: { ...certificates().server, verifyClient: () => true } })

/** A TLS server on `port`, and its transport. */
function secureService (implementation, stage, port) {
  const peer = new implementation.PeerRPCServer({}, serverConf())
  peer.init()
  stage.after(() => peer.stop())
  const service = peer.transport('server')
  service.on('request', (rid, key, payload, handler) => handler.reply(null, payload))
  return service.listen(port)
}

each('C218: stop of a TLS server closes the port and its connections', async ({ implementation, stage }) => {
  const port = await freePort()
  const service = secureService(implementation, stage, port)
  const dest = `127.0.0.1:${port}`
  await once(service.socket, 'listening')
  const peer = stage.client(implementation, dest, { secure: certificates().client })
  const transport = peer.transport(dest)
  assert.deepStrictEqual(await call(transport, 'request', 'k', 1, {}), { err: null, res: 1 })
  const closed = once(transport.socket, 'close')
  // One that has not said a word, and one in the middle of TLS.
  const silent = net.connect(port, '127.0.0.1').on('error', () => {}).resume()
  const slow = tls.connect({ port, host: '127.0.0.1', ...certificates().client }).on('error', () => {}).resume()
  await Promise.all([once(silent, 'connect'), once(slow, 'secureConnect')])

  const gone = [silent, slow].map(socket => new Promise(resolve => socket.on('close', resolve)))
  service.stop()
  assert.strictEqual((await closed)[0], 1006)
  await Promise.all(gone)
  await refused(port)

  // The port is free for the next one.
  const next = secureService(implementation, stage, port)
  await once(next.socket, 'listening')
  assert.deepStrictEqual(await call(transport, 'request', 'k', 2, {}), { err: null, res: 2 })
}, { better: true })

each('C218: unlisten of a TLS server closes the port, and it may listen again', async ({ implementation, stage }) => {
  const port = await freePort()
  const service = secureService(implementation, stage, port)
  await once(service.socket, 'listening')
  service.unlisten()
  assert.strictEqual(service.isListening(), false)
  await refused(port)
  service.listen(port)
  await once(service.socket, 'listening')
  const peer = stage.client(implementation, `127.0.0.1:${port}`, { secure: certificates().client })
  assert.deepStrictEqual(await call(peer, 'request', 'k', 1, {}), { err: null, res: 1 })
}, { better: true })

each('listen(0) takes a free port, also with TLS and conf.host', async ({ implementation, stage }) => {
  for (const secure of [undefined, serverConf().secure]) {
    for (const host of [undefined, '127.0.0.1', 'localhost']) {
      const peer = new implementation.PeerRPCServer({}, { secure, host })
      peer.init()
      stage.after(() => peer.stop())
      const service = peer.transport('server').listen(0)
      await once(service.socket, 'listening')
      assert.ok(service.port > 0)
      assert.strictEqual(service.socket.address().port, service.port)
    }
  }
}, { better: true })

/** What Node itself says of a port in use. */
function nodesError (port) {
  return new Promise(resolve => net.createServer().on('error', resolve).listen(port))
}

const parts = ({ message, code, errno, syscall, address, port }) => ({ message, code, errno, syscall, address, port })

const SERVERS = {
  server: implementation => new implementation.PeerRPCServer({}, {}),
  'TLS server': implementation => new implementation.PeerRPCServer({}, serverConf()),
  'server with a replaced hook': implementation => {
    const peer = new implementation.PeerRPCServer({}, {})
    peer.getTransportClass = () => class extends implementation.TransportRPCServer {
      parse (data) {
        return super.parse(data)
      }
    }
    return peer
  },
  'TLS server with a replaced hook': implementation => {
    const peer = new implementation.PeerRPCServer({}, serverConf())
    peer.getTransportClass = () => class extends implementation.TransportRPCServer {
      parse (data) {
        return super.parse(data)
      }
    }
    return peer
  },
  publisher: implementation => new implementation.PeerPub({}, {})
}

for (const [name, make] of Object.entries(SERVERS)) {
  each(`C221 C222: a port in use is an error event on socket and transport of a ${name}`, async ({ implementation, stage }) => {
    const holder = net.createServer().listen(0)
    await once(holder, 'listening')
    stage.after(() => holder.close())
    const { port } = holder.address()
    const expected = parts(await nodesError(port))
    assert.strictEqual(expected.code, 'EADDRINUSE')

    for (const listened of [['socket', 'transport'], ['transport'], ['socket']]) {
      const peer = make(implementation)
      peer.init()
      stage.after(() => peer.stop())
      const transport = peer.transport('server')
      const heard = []
      if (listened.includes('transport')) transport.on('error', err => heard.push(['transport', err]))
      assert.strictEqual(transport.listen(port), transport)
      assert.strictEqual(transport.port, port)
      if (listened.includes('socket')) transport.socket.on('error', err => heard.push(['socket', err]))
      // Nobody has heard before the listeners could be added.
      assert.deepStrictEqual(heard, [])
      while (heard.length < listened.length) await new Promise(resolve => setImmediate(resolve))
      await new Promise(resolve => setImmediate(resolve))

      assert.deepStrictEqual(heard.map(([where]) => where).sort(), [...listened].sort())
      for (const [, err] of heard) {
        assert.ok(err instanceof Error)
        assert.deepStrictEqual(parts(err), expected)
      }
      assert.strictEqual(transport.isListening(), false)

      // Another port is as good.
      const other = await freePort()
      transport.listen(other)
      assert.strictEqual(transport.isListening(), true)
      await once(transport.socket, 'listening')
      assert.strictEqual(transport.socket.address().port, other)
    }
  }, { better: true })
}

each('C222: a port in use is uncaught when nobody listens', async () => {
  const source = (peer, listen = '') => `
    const { ${peer} } = require(pkg)
    const holder = require('net').createServer().listen(0, () => {
      const { port } = holder.address()
      const peer = new ${peer}({}, {})
      peer.init()
      const transport = peer.transport('server')
      transport.listen(port)
      ${listen}
      setTimeout(() => {
        console.log('alive')
        process.exit()
      }, 50)
    })
  `
  for (const peer of ['PeerRPCServer', 'PeerPub']) {
    const { code, stdout, stderr } = await run(source(peer))
    assert.deepStrictEqual([code, stdout], [1, ''], peer)
    assert.match(stderr, /Error: listen EADDRINUSE: address already in use :::\d+/)
    for (const one of ['transport', 'transport.socket']) {
      const listened = await run(source(peer, `${one}.on('error', err => console.log(err.code))`))
      assert.deepStrictEqual(listened, { code: 0, signal: null, stdout: 'EADDRINUSE\nalive\n', stderr: '' })
    }
  }
}, { better: true })
