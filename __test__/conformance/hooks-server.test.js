'use strict'

// Server transports whose methods are replaced by a subclass.

const assert = require('node:assert')
const https = require('https')
const v8 = require('v8')
const { once } = require('events')
const Ws = require('ws')
const { call, pair } = require('../helpers/conformance')
const { certificates } = require('../../scripts/lib/certificates')
const { PAYLOADS, clientOf, expectAnswers } = require('../helpers/peers/hooks')
const { RawClient } = require('../helpers/wire/raw-client')

pair('C139: listen and unlisten of a subclass are called, and may call the original', async ({ server, client, stage }) => {
  const calls = []
  class Server extends server.TransportRPCServer {
    listen (port) {
      calls.push(['listen', port])
      return super.listen(port)
    }

    unlisten () {
      calls.push(['unlisten'])
      return super.unlisten()
    }
  }
  const service = await stage.serve(server, undefined, {}, Server)
  const transport = clientOf(stage, client, service)
  await expectAnswers(transport)
  assert.deepStrictEqual(calls, [['listen', service.port]])
  const lost = once(transport.socket, 'close')
  service.stop()
  await lost
  assert.deepStrictEqual(calls.slice(1), [['unlisten']])
  assert.ok(!service.socket)
})

pair('C139: listen and unlisten may do everything by themselves, with a server of ws', async ({ server, client, stage }) => {
  class Server extends server.TransportRPCServer {
    listen (port) {
      this.foreign = new Ws.Server({ port })
      this.foreign.on('connection', socket => {
        const handler = { reply: (rid, err, res) => this.sendReply(socket, rid, err, res) }
        socket.on('message', data => this.handleRequest(handler, this.parse(data), { cert: null }))
      })
      this.port = port
      this.listening()
      return this
    }

    unlisten () {
      this.foreign.close()
      this.unlistening()
    }
  }
  const service = await stage.serve(server, undefined, {}, Server)
  const transport = clientOf(stage, client, service)
  await expectAnswers(transport)
  assert.strictEqual(service.isListening(), true)
  const lost = once(transport.socket, 'close')
  service.stop()
  await lost
  assert.strictEqual(service.isListening(), false)
})

pair('C141: getSocket may bring a server of ws', async ({ server, client, stage }) => {
  class Server extends server.TransportRPCServer {
    getSocket (opts) {
      this.asked = opts
      return new Ws.Server({ ...opts, path: '/ws', verifyClient: ({ req }) => req.headers.host === this.dest || !this.dest })
    }
  }
  const service = await stage.serve(server, undefined, {}, Server)
  assert.deepStrictEqual(service.asked, { port: service.port })
  assert.ok(service.socket instanceof Ws.Server)
  const transport = clientOf(stage, client, service)
  await expectAnswers(transport)
  assert.strictEqual(service.socket.clients.size, 1)
  assert.strictEqual(service.isListening(), true)
  const closed = once(service.socket, 'close')
  service.stop()
  await closed
  assert.strictEqual(service.isListening(), false)
})

pair('C141: getSocket may hand back the original\'s, and listen to it', async ({ server, client, stage }) => {
  const heard = []
  class Server extends server.TransportRPCServer {
    getSocket (opts) {
      const socket = super.getSocket(opts)
      socket.on('connection', (connection, request) => {
        heard.push(request.url)
        connection.on('message', data => heard.push(JSON.parse(data)[2]))
      })
      return socket
    }
  }
  const service = await stage.serve(server, undefined, {}, Server)
  await expectAnswers(clientOf(stage, client, service))
  assert.deepStrictEqual(heard, ['/ws', ...PAYLOADS])
})

pair('C142: getSecureSocket may bring a server of ws', async ({ server, client, stage }) => {
  const certs = certificates()
  class Server extends server.TransportRPCServer {
    getSecureSocket (port, secure) {
      this.https = https.createServer({ ...secure, requestCert: true }).listen(port)
      return new Ws.Server({ server: this.https })
    }
  }
  const names = []
  const onRequest = (rid, key, payload, handler, cert) => {
    names.push(cert.subject.CN)
    handler.reply(null, payload)
  }
  // Without a `verifyClient`: that is the replaced method's affair.
  const service = await stage.serve(server, onRequest, { secure: certs.server }, Server)
  stage.after(() => service.https.close())
  await expectAnswers(clientOf(stage, client, service, { secure: certs.client }))
  assert.deepStrictEqual(names, PAYLOADS.map(() => 'client'))
})

pair('C142: getSecureSocket may hand back the original\'s', async ({ server, client, stage }) => {
  const certs = certificates()
  class Server extends server.TransportRPCServer {
    getSecureSocket (port, secure) {
      const socket = super.getSecureSocket(port, secure)
      // The original leaves it open.
      this.https = socket._server
      return socket
    }
  }
  const names = []
  const onRequest = (rid, key, payload, handler, cert) => {
    names.push(cert.subject.CN)
    handler.reply(null, payload)
  }
  const service = await stage.serve(server, onRequest, { secure: { ...certs.server, verifyClient: () => true } }, Server)
  stage.after(() => service.https && service.https.close())
  await expectAnswers(clientOf(stage, client, service, { secure: certs.client }))
  assert.deepStrictEqual(names, PAYLOADS.map(() => 'client'))
})

pair('C143: handleRequest sees each parsed frame, and may change it', async ({ server, client, stage }) => {
  const seen = []
  class Server extends server.TransportRPCServer {
    handleRequest (handler, data, meta) {
      seen.push([typeof handler.reply, data && data[2], meta])
      if (data) data[2] = ['changed', data[2]]
      super.handleRequest(handler, data, meta)
    }
  }
  const service = await stage.serve(server, undefined, {}, Server)
  const transport = clientOf(stage, client, service)
  await expectAnswers(transport, payload => ['changed', payload])
  const failed = once(service, 'request-error')
  transport.socket.send('no JSON')
  await failed
  assert.deepStrictEqual(seen, [...PAYLOADS, null].map(payload => ['function', payload, { cert: null }]))
})

pair('C143: handleRequest may answer by itself', async ({ server, client, stage }) => {
  class Server extends server.TransportRPCServer {
    handleRequest (handler, [rid, key, payload]) {
      handler.reply(rid, payload === 'two' ? new Error('not two') : null, [key, payload])
    }
  }
  const service = await stage.serve(server, undefined, {}, Server)
  const transport = clientOf(stage, client, service)
  assert.deepStrictEqual((await call(transport, 'request', 'a', 1, {})).res, ['a', 1])
  const { err, res } = await call(transport, 'request', 'b', 'two', {})
  assert.deepStrictEqual([err.message, res], ['not two', ['b', 'two']])
})

pair('C144: sendReply gets the socket, and what it sends is the reply', async ({ server, client, stage }) => {
  const errors = []
  class Server extends server.TransportRPCServer {
    sendReply (socket, rid, err, res) {
      errors.push(err)
      if (res === 'two') return socket.send(JSON.stringify([rid, null, 'by hand']))
      super.sendReply(socket, rid, err, ['wrapped', res])
    }
  }
  const service = await stage.serve(server, undefined, {}, Server)
  await expectAnswers(clientOf(stage, client, service), payload => payload === 'two' ? 'by hand' : ['wrapped', payload])
  assert.deepStrictEqual(errors, PAYLOADS.map(() => null))
})

pair('C145: parse and format may speak v8.serialize', async ({ server, client, stage }) => {
  const codec = Transport => class extends Transport {
    format (value) {
      return v8.serialize(value)
    }

    parse (data) {
      assert.ok(Buffer.isBuffer(data))
      return v8.deserialize(data)
    }
  }
  const service = await stage.serve(server, undefined, {}, codec(server.TransportRPCServer))
  const peer = stage.client(client, service.dest, {}, codec(client.TransportRPCClient))
  const payloads = [new Map([[1, new Set(['a'])]]), new Date(5), 10n ** 20n, undefined, Buffer.alloc(70000, 1)]
  for (const payload of payloads) {
    assert.deepStrictEqual(await call(peer, 'request', 'key', payload, {}), { err: null, res: payload })
  }
})

pair('C145: a parse that finds nothing is a request-error', async ({ server, stage }) => {
  class Server extends server.TransportRPCServer {
    parse (data) {
      return data === 'good' ? ['rid', 'key', 'payload'] : undefined
    }
  }
  const service = await stage.serve(server, undefined, {}, Server)
  const client = await RawClient.connect(service.dest)
  stage.after(() => client.destroy())
  const failed = once(service, 'request-error')
  const masked = text => Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)])
  client.write(masked('bad'))
  assert.deepStrictEqual(await failed, [])
  client.write(masked('good'))
  const [reply] = await client.next(1)
  assert.deepStrictEqual(JSON.parse(reply.data), ['rid', null, 'payload'])
})
