'use strict'

// The transport of RPC clients.

const assert = require('node:assert')
const { once } = require('node:events')
const { call, each, pair, reachable } = require('../helpers/conformance')
const { until } = require('../helpers/until')

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const REQUEST = ['_ts', 'cb', 'key', 'opts', 'payload', 'rid']

/** A client's transport to a server. */
function transportTo (stage, implementation, service, conf, Transport) {
  return stage.client(implementation, service.dest, conf, Transport).transport(service.dest)
}

/** A transport that has answered a request, so it is connected. */
async function connectedTo (stage, implementation, service, conf) {
  const transport = transportTo(stage, implementation, service, conf)
  assert.deepStrictEqual(await call(transport, 'request', 'k', 'first', {}), { err: null, res: 'first' })
  assert.strictEqual(transport.isConnected(), true)
  return transport
}

/** A server's own view: what was asked, in order, and the sockets it has. */
async function recorder (stage, implementation) {
  const asked = []
  const service = await stage.serve(implementation, (rid, key, payload, handler) => {
    asked.push({ rid, key, payload })
    handler.reply(null, payload)
  })
  return { service, asked }
}

pair('C100: request connects and sends', async ({ server, client, stage }) => {
  const { service, asked } = await recorder(stage, server)
  const transport = transportTo(stage, client, service)
  assert.ok(!transport.isConnecting() && !transport.isConnected() && !transport.socket)
  const answer = call(transport, 'request', 'the key', { a: 1 }, {})
  assert.strictEqual(transport.isConnecting(), true)
  assert.deepStrictEqual(await answer, { err: null, res: { a: 1 } })
  assert.strictEqual(transport.isConnecting(), false)
  assert.strictEqual(transport.isConnected(), true)
  const { socket } = transport

  // The connection stays, and is used again.
  assert.deepStrictEqual(await call(transport, 'request', 'other', [2], { timeout: 5000 }), { err: null, res: [2] })
  assert.strictEqual(transport.socket, socket)
  assert.strictEqual(service.socket.clients.size, 1)
  assert.deepStrictEqual(asked.map(({ key, payload }) => [key, payload]), [['the key', { a: 1 }], ['other', [2]]])
})

pair('C101: requests made while connecting are sent in order', async ({ server, client, stage }) => {
  const { service, asked } = await recorder(stage, server)
  const transport = transportTo(stage, client, service)
  const numbers = Array.from({ length: 50 }, (_, at) => at)
  const first = numbers.slice(0, 25).map(at => call(transport, 'request', 'k', at, {}))
  // Some of them a tick later, still while connecting.
  await null
  assert.strictEqual(transport.isConnecting(), true)
  const rest = numbers.slice(25).map(at => call(transport, 'request', 'k', at, {}))
  const answers = await Promise.all([...first, ...rest])
  assert.deepStrictEqual(answers.map(({ res }) => res), numbers)
  assert.deepStrictEqual(asked.map(({ payload }) => payload), numbers)
  assert.strictEqual(service.socket.clients.size, 1)
})

pair('C102: connect sets .socket before it returns', async ({ server, client, stage }) => {
  const { service } = await recorder(stage, server)
  const transport = transportTo(stage, client, service)
  transport.connect()
  const { socket } = transport
  assert.strictEqual(typeof socket.on, 'function')
  assert.strictEqual(transport.isConnecting(), true)
  assert.strictEqual(transport.isConnected(), false)
  // A second call changes nothing.
  transport.connect()
  assert.strictEqual(transport.socket, socket)

  await once(socket, 'open')
  assert.strictEqual(transport.isConnecting(), false)
  assert.strictEqual(transport.isConnected(), true)
  transport.connect()
  assert.strictEqual(transport.socket, socket)
  assert.strictEqual((await call(transport, 'request', 'k', 1, {})).res, 1)
  assert.strictEqual(service.socket.clients.size, 1)
})

pair('C103: disconnect closes the connection, and the transport may connect again', async ({ server, client, stage }) => {
  const { service } = await recorder(stage, server)
  const connection = once(service.socket, 'connection')
  const transport = await connectedTo(stage, client, service)
  const [theirs] = await connection
  const { socket } = transport
  const closed = Promise.all([once(theirs, 'close'), once(socket, 'close')])

  transport.disconnect()
  assert.ok(!transport.socket)
  assert.strictEqual(transport.isConnected(), false)
  // With a close frame, which says no code.
  assert.strictEqual((await closed)[0][0], 1005)
  assert.strictEqual(service.socket.clients.size, 0)
  assert.strictEqual(transport.isActive(), true)
  // Nothing is left to disconnect.
  transport.disconnect()

  assert.deepStrictEqual(await call(transport, 'request', 'k', 2, {}), { err: null, res: 2 })
  assert.notStrictEqual(transport.socket, socket)
})

each('C104: newRequest makes a request', async ({ implementation, stage }) => {
  const transport = transportTo(stage, implementation, { dest: '127.0.0.1:1' }, { requestTimeout: 1234 })
  const payload = {}
  const cb = () => {}
  const before = Date.now()
  const req = transport.newRequest('key', payload, { timeout: 77, mine: 1 }, cb)
  assert.deepStrictEqual(Object.keys(req).sort(), REQUEST)
  assert.match(req.rid, UUID)
  assert.strictEqual(req.key, 'key')
  assert.strictEqual(req.payload, payload)
  assert.deepStrictEqual(req.opts, { timeout: 77, mine: 1 })
  assert.strictEqual(req.cb, cb)
  assert.ok(req._ts >= before && req._ts <= Date.now())

  const other = transport.newRequest('key', payload, {}, cb)
  assert.notStrictEqual(other.rid, req.rid)
  assert.strictEqual(other.opts.timeout, 1234)
  assert.strictEqual(transport.newRequest('key', payload, undefined, cb).opts.timeout, 1234)
})

each('C105: addRequest, getRequest and delRequest', ({ implementation, stage }) => {
  const transport = transportTo(stage, implementation, { dest: '127.0.0.1:1' })
  const [one, other] = ['one', 'other'].map(payload => transport.newRequest('k', payload, {}, () => {}))
  assert.strictEqual(transport.getRequest(one.rid), undefined)
  transport.addRequest(one)
  transport.addRequest(other)
  assert.strictEqual(transport.getRequest(one.rid), one)
  assert.strictEqual(transport.getRequest(other.rid), other)
  transport.delRequest(one)
  assert.strictEqual(transport.getRequest(one.rid), undefined)
  assert.strictEqual(transport.getRequest(other.rid), other)
  transport.delRequest(one)
  transport.delRequest(other)
  assert.strictEqual(transport.getRequest(other.rid), undefined)
})

pair('C106: sendRequest sends the frame of a request', async ({ server, client, stage }) => {
  const { service, asked } = await recorder(stage, server)
  const transport = await connectedTo(stage, client, service)
  const answer = new Promise(resolve => {
    const req = transport.newRequest('by hand', { b: 2 }, {}, (err, res) => resolve({ err, res, rid: req.rid }))
    transport.addRequest(req)
    transport.sendRequest(req)
  })
  // Requests of the usual way go along.
  assert.strictEqual((await call(transport, 'request', 'k', 'usual', {})).res, 'usual')
  const { err, res, rid } = await answer
  assert.deepStrictEqual([err, res], [null, { b: 2 }])
  assert.deepStrictEqual(asked[1], { rid, key: 'by hand', payload: { b: 2 } })
  assert.strictEqual(transport.getRequest(rid), undefined)
})

each('C107: handleReply calls the callback of a request, once', ({ implementation, stage }) => {
  const transport = transportTo(stage, implementation, { dest: '127.0.0.1:1' })
  const got = []
  const add = name => {
    const req = transport.newRequest('k', null, {}, (err, res) => got.push([name, err, res]))
    transport.addRequest(req)
    return req
  }
  const [one, other] = [add('one'), add('other')]
  const problem = new Error('no')
  transport.handleReply(other.rid, problem, 5)
  transport.handleReply(one.rid, null, { a: 1 })
  assert.deepStrictEqual(got, [['other', problem, 5], ['one', null, { a: 1 }]])
  assert.strictEqual(transport.getRequest(one.rid), undefined)
  transport.handleReply(one.rid, null, 'again')
  transport.handleReply('unknown', null, 1)
  transport.handleReply(null, null, 1)
  assert.strictEqual(got.length, 2)
})

each('C108: setLastRequestTime keeps a transport from being idle', ({ implementation, stage, t }) => {
  const transport = transportTo(stage, implementation, { dest: '127.0.0.1:1' }, { inactivityTimeout: 500 })
  const start = Date.now()
  let now = start
  t.mock.method(Date, 'now', () => now)
  const activeAt = time => {
    now = start + time
    transport.monitor()
    return transport.isActive()
  }
  transport.setLastRequestTime()
  assert.strictEqual(activeAt(400), true)
  transport.setLastRequestTime()
  assert.strictEqual(activeAt(850), true)
  assert.strictEqual(activeAt(950), false)
})

each('C109: cbq lets callbacks wait in order', ({ implementation, stage }) => {
  const { cbq } = transportTo(stage, implementation, { dest: '127.0.0.1:1' })
  const got = []
  assert.strictEqual(cbq.cnt('mine'), 0)
  cbq.trigger('mine', null, 0)
  for (const name of ['a', 'b']) cbq.push('mine', (...args) => got.push([name, ...args]))
  cbq.push('other', () => got.push('other'))
  assert.deepStrictEqual([cbq.cnt('mine'), cbq.cnt('other')], [2, 1])
  const problem = new Error('no')
  cbq.trigger('mine', problem, 5)
  cbq.trigger('mine', null, 6)
  assert.deepStrictEqual(got, [['a', problem, 5], ['b', problem, 5]])
  assert.deepStrictEqual([cbq.cnt('mine'), cbq.cnt('other')], [0, 1])
})

pair('C109: cbq counts the requests that wait for the connection', async ({ server, client, stage }) => {
  const { service } = await recorder(stage, server)
  const transport = transportTo(stage, client, service)
  const { cbq } = transport
  assert.strictEqual(cbq.cnt('req'), 0)
  const answers = [1, 2, 3].map((payload, at) => {
    const answer = call(transport, 'request', 'k', payload, {})
    assert.strictEqual(cbq.cnt('req'), at + 1)
    return answer
  })
  // Whoever else waits there hears of the connection too.
  const mine = new Promise(resolve => cbq.push('req', resolve))
  assert.strictEqual(cbq.cnt('req'), 4)
  assert.ok(!await mine)
  assert.deepStrictEqual((await Promise.all(answers)).map(({ res }) => res), [1, 2, 3])
  assert.strictEqual(cbq.cnt('req'), 0)
  const last = call(transport, 'request', 'k', 4, {})
  assert.strictEqual(cbq.cnt('req'), 0)
  assert.strictEqual((await last).res, 4)
})

pair('C110: getSocket makes the socket that becomes .socket', async ({ server, client, stage }) => {
  const { service } = await recorder(stage, server)
  const made = []
  class Transport extends client.TransportRPCClient {
    getSocket (conf) {
      const socket = super.getSocket(conf)
      made.push({ socket, conf })
      return socket
    }
  }
  const transport = transportTo(stage, client, service, { mine: 1 }, Transport)
  assert.strictEqual((await call(transport, 'request', 'k', 1, {})).res, 1)
  assert.strictEqual(made.length, 1)
  assert.strictEqual(transport.socket, made[0].socket)
  assert.strictEqual(made[0].conf, transport.conf)
  assert.deepStrictEqual([made[0].conf.mine, made[0].conf.dest], [1, service.dest])
})

pair('C111: after a lost connection the next request connects again', async ({ server, client, stage }) => {
  const { service } = await recorder(stage, server)
  const transport = await connectedTo(stage, client, service)
  const sockets = [transport.socket]
  for (const end of ['terminate', 'close']) {
    const lost = once(transport.socket, 'close')
    for (const socket of service.socket.clients) socket[end]()
    await lost
    assert.strictEqual(transport.isConnected(), false)
    assert.strictEqual(transport.isActive(), true)
    assert.deepStrictEqual(await call(transport, 'request', 'k', end, {}), { err: null, res: end })
    assert.strictEqual(transport.isConnected(), true)
    assert.ok(!sockets.includes(transport.socket))
    sockets.push(transport.socket)
  }
})

pair('C111: a server that comes back on its port is found again', async ({ server, client, stage }) => {
  const { service, asked } = await recorder(stage, server)
  const transport = await connectedTo(stage, client, service)
  const lost = once(transport.socket, 'close')
  service.unlisten()
  await lost
  service.listen(service.port)
  await reachable(service.port)
  assert.deepStrictEqual(await call(transport, 'request', 'k', 'again', {}), { err: null, res: 'again' })
  assert.deepStrictEqual(asked.map(({ payload }) => payload), ['first', 'again'])
})

each('C488: _reqs.size is how many requests have no answer, and not those that wait for a connection', async ({ implementation, stage }) => {
  const handlers = []
  const service = await stage.serve(implementation, (rid, key, payload, handler) => handlers.push(handler))
  const transport = transportTo(stage, implementation, service)
  const asked = [1, 2].map(at => call(transport, 'request', 'k', at, { timeout: 5000 }))
  assert.strictEqual(transport._reqs.size, 0)
  assert.strictEqual(transport.cbq.cnt('req'), 2)
  await until(() => handlers.length === 2)
  assert.strictEqual(transport._reqs.size, 2)
  handlers[0].reply(null, 'a')
  await Promise.race(asked)
  assert.strictEqual(transport._reqs.size, 1)
  // What services do before they stop.
  handlers[1].reply(null, 'b')
  await until(() => transport._reqs.size === 0)
  transport.stop()
  assert.deepStrictEqual((await Promise.all(asked)).map(({ res }) => res).sort(), ['a', 'b'])
})

each('C488: of a transport with a hook of its own it is the Map of its requests', async ({ implementation, stage }) => {
  const handlers = []
  const service = await stage.serve(implementation, (rid, key, payload, handler) => handlers.push(handler))
  class Transport extends implementation.TransportRPCClient {
    format (value) {
      return super.format(value)
    }
  }
  const transport = transportTo(stage, implementation, service, {}, Transport)
  const asked = call(transport, 'request', 'k', 1, { timeout: 5000 })
  await until(() => handlers.length === 1)
  assert.strictEqual(transport._reqs.size, 1)
  assert.deepStrictEqual([...transport._reqs.values()].map(({ payload }) => payload), [1])
  handlers[0].reply(null, 'a')
  assert.strictEqual((await asked).res, 'a')
  assert.strictEqual(transport._reqs.size, 0)
})
