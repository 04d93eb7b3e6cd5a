'use strict'

// Subscriptions that a service ends by itself are not connected again.

const assert = require('node:assert')
const { once } = require('node:events')
const net = require('node:net')
const { each, pair } = require('../helpers/conformance')
const { run } = require('../../scripts/lib/child')
const { SETTLED, connectionsOf, heardNow, lose, unwatched, wait } = require('../helpers/peers/subscribers')
const { until } = require('../helpers/until')

const ENDS = {
  stop: transport => transport.stop(),
  unsub: transport => transport.unsub(),
  'stop and unsub': transport => {
    transport.stop()
    transport.unsub()
  },
  '_active = false': transport => { transport._active = false }
}

for (const [how, end] of Object.entries(ENDS)) {
  pair(`C324: ${how} of a transport that was lost ends its subscription`, async ({ server, client, stage }) => {
    const service = await stage.publisher(server)
    const connections = connectionsOf(service)
    const { transport, heard } = await unwatched(stage, client, service)
    await lose(service, transport)
    end(transport)
    await wait(SETTLED)
    assert.strictEqual(transport.isConnected(), false)
    assert.strictEqual(connections.length, 1)
    assert.strictEqual(await heardNow(service, heard, 'late', 0), 0)
    if (how === '_active = false') transport.stop()
  })

  each(`C324: ${how} while a publisher is looked up, or does not answer, ends it too`, async ({ implementation, stage }) => {
    const service = await stage.publisher(implementation)
    const { peer, transport } = await unwatched(stage, implementation, service)
    const silent = net.createServer(socket => socket.on('error', () => {})).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    stage.after(() => silent.close())
    let found = null
    peer.link.lookup = (key, opts, cb) => { found = cb }
    await lose(service, transport)
    await until(() => found !== null)
    end(transport)
    let dialled = 0
    silent.on('connection', () => dialled++)
    found(null, [`127.0.0.1:${silent.address().port}`])
    await wait(SETTLED)
    assert.strictEqual(dialled, 0)
    assert.strictEqual(transport.isConnecting(), false)
  }, { better: true })
}

const OWN_ENDS = {
  'close()': transport => transport.socket.close(),
  'close(1000, text)': transport => transport.socket.close(1000, 'enough'),
  'terminate()': transport => transport.socket.terminate(),
  'destroy() of the TCP socket': transport => transport.socket._socket.destroy()
}

for (const [how, end] of Object.entries(OWN_ENDS)) {
  pair(`C324: so does ${how}`, async ({ server, client, stage }) => {
    const service = await stage.publisher(server)
    const connections = connectionsOf(service)
    const { transport, transports, heard } = await unwatched(stage, client, service)
    const { socket } = transport
    end(transport)
    await until(() => !transport.isConnected())
    await wait(SETTLED)
    assert.strictEqual(connections.length, 1)
    assert.strictEqual(transports.length, 1)
    assert.strictEqual(transport.isActive(), true)
    assert.strictEqual(transport.socket, socket)
    assert.strictEqual(await heardNow(service, heard, 'late', 0), 0)
    // By hand it begins again, and is one that is looked after again.
    const accepted = once(service.socket, 'connection')
    transport.sub('key')
    await accepted
    await until(() => transport.isConnected())
    assert.strictEqual(await heardNow(service, heard, 'again'), 1)
  })
}

each('C324: a process that has ended the transport of its lost subscription ends', async ({ implementation, stage }) => {
  const main = implementation.name === 'native' ? '../..' : 'grenache-nodejs-ws'
  for (const end of ['stop()', 'unsub(); transport.stop()']) {
    const { code, stdout, stderr } = await run(`
      const { PeerPub, PeerSub } = require(${JSON.stringify(require.resolve(main))})
      const server = require('net').createServer().listen(0, '127.0.0.1', () => {
        const { port } = server.address()
        server.close(() => subscribe(port))
      })
      function subscribe (port) {
        const pub = new PeerPub({}, {})
        pub.init()
        const service = pub.transport('server')
        service.listen(port)
        const peer = new PeerSub({ lookup: (key, opts, cb) => cb(null, ['127.0.0.1:' + port]) }, {})
        peer.init()
        let transport
        peer.newTransport = conf => { transport = PeerSub.prototype.newTransport.call(peer, conf); return transport }
        peer.once('connected', () => setTimeout(() => {
          for (const socket of service.socket.clients) socket.terminate()
          const timer = setInterval(() => {
            if (transport.isConnected()) return
            clearInterval(timer)
            service.socket.close()
            service.stop()
            transport.${end}
            console.log('ended')
          }, 5)
        }, 20))
        peer.sub('key')
      }
    `)
    assert.strictEqual(stderr, '')
    assert.strictEqual(stdout, 'ended\n')
    assert.strictEqual(code, 0)
  }
})
