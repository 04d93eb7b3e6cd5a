'use strict'

// Client transports of subclasses, on the way to a connection and after it was lost.

const assert = require('node:assert')
const net = require('net')
const { once } = require('events')
const Ws = require('ws')
const { call, each, pair } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')
const { until, wait } = require('../helpers/until')

/** A server that keeps what it is told, and answers requests with their payloads. */
async function listener (stage) {
  const port = await freePort()
  const server = new Ws.Server({ port })
  stage.after(() => server.close())
  await once(server, 'listening')
  const heard = []
  server.on('connection', socket => socket.on('message', message => {
    const text = String(message)
    if (text[0] !== '[') return heard.push(text)
    const [rid, , payload] = JSON.parse(text)
    heard.push(payload)
    socket.send(JSON.stringify([rid, null, payload]))
  }))
  return { dest: `127.0.0.1:${port}`, heard }
}

function transportOf (stage, implementation, dest, subclass) {
  const peer = stage.client(implementation, dest)
  const Transport = subclass(peer.getTransportClass())
  peer.getTransportClass = () => Transport
  const transport = peer.transport(dest)
  stage.after(() => transport.stop())
  return transport
}

each('C504: what connected() of a subclass sends comes before any request', async ({ implementation, stage }) => {
  const { dest, heard } = await listener(stage)
  const transport = transportOf(stage, implementation, dest, Transport => class extends Transport {
    connected () {
      super.connected()
      this.socket.send('TOKEN')
    }
  })
  assert.deepStrictEqual(await call(transport, 'request', 'key', 1, {}), { err: null, res: 1 })
  assert.deepStrictEqual(heard, ['TOKEN', 1])
})

each('C323: what a listener that was put before all others of "open" sends comes before any request', async ({ implementation, stage }) => {
  const { dest, heard } = await listener(stage)
  const transport = transportOf(stage, implementation, dest, Transport => Transport)
  const order = []
  const first = call(transport, 'request', 'key', 1, {})
  transport.socket.on('open', () => order.push(`behind: ${transport.isConnected()}`))
  transport.socket.prependOnceListener('open', () => {
    order.push(`before: ${transport.isConnected()}`)
    transport.socket.send('TOKEN')
  })
  const second = call(transport, 'request', 'key', 2, {})
  assert.deepStrictEqual(await Promise.all([first, second]), [{ err: null, res: 1 }, { err: null, res: 2 }])
  assert.deepStrictEqual(heard, ['TOKEN', 1, 2])
  assert.deepStrictEqual(order, ['before: false', 'behind: true'])
  assert.deepStrictEqual(await call(transport, 'request', 'key', 3, {}), { err: null, res: 3 })
})

each('C505: isConnected and isConnecting of a subclass say whether a request is sent', async ({ implementation, stage }) => {
  const { dest, heard } = await listener(stage)
  const transport = transportOf(stage, implementation, dest, Transport => class extends Transport {
    isConnected () {
      return super.isConnected() && this.isReady
    }

    isConnecting () {
      return super.isConnecting() || (this._connected && !this.isReady)
    }
  })
  transport.isReady = true
  await call(transport, 'request', 'key', 1, {})
  transport.isReady = false
  const answer = call(transport, 'request', 'key', 2, {})
  await wait(50)
  assert.deepStrictEqual(heard, [1])
  assert.strictEqual(transport.cbq.cnt('req'), 1)
  transport.cbq.trigger('req')
  assert.deepStrictEqual(await answer, { err: null, res: 2 })
})

const OWN_CONNECT = Transport => class extends Transport {
  connect () {
    if (this.isConnected()) return this.cbq.trigger('req')
    if (this.isConnecting()) return
    this.disconnect()
    this.connecting()
    const socket = this.socket = new Ws(`ws://${this.conf.dest}/ws`)
    socket.on('message', data => {
      const [rid, err, res] = this.parse(data)
      this.handleReply(rid, err ? new Error(err) : null, res)
    })
    socket.on('open', () => {
      this.connected()
      this.cbq.trigger('req')
    })
    socket.on('close', () => {
      this.disconnected()
      this.cbq.trigger('req', new Error('ERR_TRANSPORT_CLOSE'))
    })
  }
}

const OWN_REQUEST = Transport => class extends OWN_CONNECT(Transport) {
  request (key, payload, opts, cb) {
    this.cbq.push('req', err => err ? cb(err) : this._request(key, payload, opts, cb))
    this.connect()
  }
}

for (const [what, subclass] of [['connect', OWN_CONNECT], ['connect and request', OWN_REQUEST]]) {
  pair(`C506: with ${what} of a subclass no request is lost after a lost connection`, async ({ server, client, stage }) => {
    const service = await stage.serve(server)
    const transport = transportOf(stage, client, service.dest, subclass)
    for (let round = 0; round < 3; round++) {
      assert.deepStrictEqual(await call(transport, 'request', 'key', round, {}), { err: null, res: round })
      service.socket.clients.forEach(socket => socket.terminate())
      await until(() => !transport.isConnected())
    }
  })
}

for (const [what, subclass] of [
  ['a transport', Transport => Transport],
  ['a hooked transport', Transport => class extends Transport { sendRequest (req) { super.sendRequest(req) } }]
]) {
  pair(`C506: ${what} that was disconnected takes a request at once`, async ({ server, client, stage }) => {
    const service = await stage.serve(server)
    const transport = transportOf(stage, client, service.dest, subclass)
    await call(transport, 'request', 'key', 1, {})
    transport.disconnect()
    assert.deepStrictEqual(await call(transport, 'request', 'key', 2, {}), { err: null, res: 2 })
  }, { better: 'client' })
}

each('C507: a request that timed out while a hooked transport connected is not sent', async ({ implementation, stage }) => {
  const { dest, heard } = await listener(stage)
  const [, port] = dest.split(':')
  let open
  const opened = new Promise(resolve => { open = resolve })
  const slow = net.createServer(socket => {
    const other = net.connect(port, '127.0.0.1')
    for (const one of [socket, other]) one.on('error', () => {})
    opened.then(() => socket.pipe(other).pipe(socket))
  })
  slow.listen(0, '127.0.0.1')
  await once(slow, 'listening')
  stage.after(() => slow.close())
  const transport = transportOf(stage, implementation, `127.0.0.1:${slow.address().port}`, Transport => class extends Transport {
    sendRequest (req) {
      super.sendRequest(req)
    }
  })
  const { err } = await call(transport, 'request', 'key', 'late', { timeout: 50 })
  assert.strictEqual(err.message, 'ERR_TIMEOUT')
  const answer = call(transport, 'request', 'key', 'in time', { timeout: 5000 })
  open()
  assert.deepStrictEqual(await answer, { err: null, res: 'in time' })
  assert.deepStrictEqual(heard, ['in time'])
}, { better: true })

each('C508: a subclass that moves _ts of a request gives it more time', async ({ implementation, stage }) => {
  const port = await freePort()
  const server = new Ws.Server({ port })
  stage.after(() => server.close())
  server.on('connection', socket => socket.on('message', message => {
    const [rid] = JSON.parse(message)
    const reply = res => socket.send(JSON.stringify([rid, null, res]))
    for (let at = 1; at < 6; at++) setTimeout(reply, 100 * at, { progress: at })
    setTimeout(reply, 600, 'done')
  }))
  const transport = transportOf(stage, implementation, `127.0.0.1:${port}`, Transport => class extends Transport {
    handleReply (rid, err, res) {
      const req = this.getRequest(rid)
      if (req && res && res.progress) req._ts = Date.now()
      else super.handleReply(rid, err, res)
    }
  })
  assert.deepStrictEqual(await call(transport, 'request', 'key', 1, { timeout: 300 }), { err: null, res: 'done' })
})
