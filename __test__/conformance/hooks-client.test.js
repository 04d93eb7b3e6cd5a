'use strict'

// Client transports whose methods are replaced by a subclass.

const assert = require('node:assert')
const { once } = require('events')
const Ws = require('ws')
const { call, pair } = require('../helpers/conformance')
const { PAYLOADS, both, drop, expectAnswers } = require('../helpers/peers/hooks')

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

pair('C140: connect and disconnect of a subclass are called, and may call the original', async ({ server, client, stage }) => {
  const calls = []
  const { transport } = await both(stage, server, client, Transport => class extends Transport {
    connect () {
      calls.push('connect')
      return super.connect()
    }

    disconnect () {
      calls.push('disconnect')
      return super.disconnect()
    }
  })
  await expectAnswers(transport, undefined, [1])
  await expectAnswers(transport, undefined, [2])
  assert.deepStrictEqual(calls.filter(name => name === 'connect'), ['connect', 'connect'])
  calls.length = 0
  transport.stop()
  assert.deepStrictEqual(calls, ['disconnect'])
})

pair('C140: connect and disconnect may do everything by themselves, with a socket of ws', async ({ server, client, stage }) => {
  const { service, transport } = await both(stage, server, client, Transport => class extends Transport {
    connect () {
      if (this.isConnected()) return this.cbq.trigger('req')
      if (this.isConnecting()) return
      this.connecting()
      this.socket = new Ws(`ws://${this.conf.dest}/mine`)
      this.socket.on('open', () => {
        this.connected()
        this.cbq.trigger('req')
      })
      this.socket.on('message', data => {
        const [rid, err, res] = this.parse(data)
        this.handleReply(rid, err && new Error(err), res)
      })
      this.socket.on('close', () => this.disconnected())
    }

    disconnect () {
      if (this.socket) this.socket.close()
      this.socket = null
    }
  })
  const accepted = once(service.socket, 'connection')
  await expectAnswers(transport)
  const [connection, request] = await accepted
  assert.strictEqual(request.url, '/mine')
  assert.ok(transport.socket instanceof Ws)
  const closed = once(connection, 'close')
  transport.stop()
  assert.strictEqual((await closed)[0], 1005)
})

pair('C141 C150: getSocket may bring a socket of ws, with another path', async ({ server, client, stage }) => {
  const { service, transport } = await both(stage, server, client, Transport => class extends Transport {
    getSocket (conf) {
      assert.strictEqual(conf.dest, this.conf.dest)
      return new Ws(`ws://${conf.dest}/other?a=1`, { headers: { 'X-Mine': 'yes' } })
    }
  })
  for (let round = 0; round < 2; round++) {
    const accepted = once(service.socket, 'connection')
    await expectAnswers(transport)
    const [, request] = await accepted
    assert.deepStrictEqual([request.url, request.headers['x-mine']], ['/other?a=1', 'yes'])
    assert.ok(transport.socket instanceof Ws)
    assert.strictEqual(transport.isConnected(), true)
    const { socket } = transport
    await drop(service, transport)
    assert.strictEqual(transport.isConnected(), false)
    assert.ok(transport.socket !== socket || socket.readyState === Ws.CLOSED)
  }
})

pair('C141: getSocket may hand back the original\'s, and listen to it', async ({ server, client, stage }) => {
  const heard = []
  const { transport } = await both(stage, server, client, Transport => class extends Transport {
    getSocket (conf) {
      const socket = super.getSocket(conf)
      socket.on('open', () => heard.push('open'))
      socket.on('message', data => heard.push(JSON.parse(data)[2]))
      return socket
    }
  })
  await expectAnswers(transport)
  assert.deepStrictEqual(heard, ['open', ...PAYLOADS])
})

pair('C145: parse and format of a client are its own', async ({ server, client, stage }) => {
  const { transport } = await both(stage, server, client, Transport => class extends Transport {
    format ([rid, key, payload]) {
      return JSON.stringify([rid, key, ['out', payload]])
    }

    parse (data) {
      const [rid, err, res] = JSON.parse(data)
      return [rid, err, ['in', res]]
    }
  })
  await expectAnswers(transport, payload => ['in', ['out', payload]])
})

pair('C146: request gets what the peer hands on, and may change or answer it', async ({ server, client, stage }) => {
  const seen = []
  const service = await stage.serve(server)
  const peer = stage.client(client, service.dest, {}, class extends client.TransportRPCClient {
    request (key, payload, opts, cb) {
      seen.push([key, payload, opts, typeof cb])
      if (payload === 'cached') return cb(null, 'from the cache')
      super.request(key, ['changed', payload], opts, (err, res) => cb(err, ['back', res]))
    }
  })
  assert.deepStrictEqual((await call(peer, 'request', 'key', 1, { timeout: 5000 })).res, ['back', ['changed', 1]])
  assert.deepStrictEqual((await call(peer, 'request', 'key', 'cached', {})).res, 'from the cache')
  assert.deepStrictEqual(seen, [
    ['key', 1, { timeout: 5000 }, 'function'],
    ['key', 'cached', { timeout: undefined }, 'function']
  ])
})

pair('C146: _request is called once the connection is open', async ({ server, client, stage }) => {
  const seen = []
  const { transport } = await both(stage, server, client, Transport => class extends Transport {
    _request (key, payload, opts, cb) {
      seen.push([this.isConnected(), key, payload, opts.timeout])
      super._request(key, ['changed', payload], opts, cb)
    }
  })
  await expectAnswers(transport, payload => ['changed', payload])
  assert.deepStrictEqual(seen, PAYLOADS.map(payload => [true, 'key', payload, 10000]))
})

pair('C147: sendRequest gets the request, and sends what it likes', async ({ server, client, stage }) => {
  const seen = []
  const { transport } = await both(stage, server, client, Transport => class extends Transport {
    sendRequest (req) {
      seen.push(req)
      if (req.payload === 'two') return this.socket.send(Buffer.from(this.format([req.rid, req.key, 'by hand'])))
      super.sendRequest({ ...req, payload: ['wrapped', req.payload] })
    }
  })
  await expectAnswers(transport, payload => payload === 'two' ? 'by hand' : ['wrapped', payload])
  for (const [at, req] of seen.entries()) {
    assert.deepStrictEqual(Object.keys(req).sort(), ['_ts', 'cb', 'key', 'opts', 'payload', 'rid'])
    assert.match(req.rid, UUID)
    assert.deepStrictEqual(req.payload, PAYLOADS[at])
  }
})

pair('C148: handleReply gets each reply, and may change it', async ({ server, client, stage }) => {
  const rids = []
  const { service, transport } = await both(stage, server, client, Transport => class extends Transport {
    handleReply (rid, err, data) {
      rids.push(rid)
      super.handleReply(rid, err, ['changed', data])
    }
  })
  await expectAnswers(transport, payload => ['changed', payload])
  assert.strictEqual(new Set(rids).size, PAYLOADS.length)
  // What is no answer goes there, too.
  const [connection] = service.socket.clients
  const heard = once(transport.socket, 'message')
  connection.send('["unknown",null,1]')
  await heard
  assert.strictEqual(rids.pop(), 'unknown')
})

pair('C149: newRequest, addRequest, getRequest and delRequest may keep requests elsewhere', async ({ server, client, stage }) => {
  const kept = new Map()
  const calls = []
  let last = 0
  const { service, transport } = await both(stage, server, client, Transport => class extends Transport {
    newRequest (key, payload, opts, cb) {
      calls.push('new')
      return { ...super.newRequest(key, payload, opts, cb), rid: `mine ${++last}` }
    }

    addRequest (req) {
      calls.push('add')
      kept.set(req.rid, req)
    }

    getRequest (rid) {
      calls.push('get')
      return kept.get(rid)
    }

    delRequest (req) {
      calls.push('del')
      kept.delete(req.rid)
    }
  })
  const rids = []
  service.on('request', rid => rids.push(rid))
  await expectAnswers(transport)
  assert.deepStrictEqual(rids, PAYLOADS.map((_, at) => `mine ${at + 1}`))
  assert.strictEqual(kept.size, 0)
  for (const name of ['new', 'add', 'get', 'del']) {
    assert.strictEqual(calls.filter(one => one === name).length, PAYLOADS.length, name)
  }
})

pair('C149: a getRequest that finds nothing lets the reply go', async ({ server, client, stage }) => {
  const { transport } = await both(stage, server, client, Transport => class extends Transport {
    getRequest (rid) {
      const req = super.getRequest(rid)
      return req && req.payload === 'lost' ? undefined : req
    }
  })
  let answered = false
  transport.request('key', 'lost', {}, () => { answered = true })
  assert.strictEqual((await call(transport, 'request', 'key', 'found', {})).res, 'found')
  assert.strictEqual(answered, false)
})
