'use strict'

// Nothing is over before its time, by the clock that services measure with.

const assert = require('node:assert')
const net = require('node:net')
const { certificates } = require('../../scripts/lib/certificates')
const { each } = require('../helpers/conformance')
const { startLink } = require('../helpers/grapes/stand-in')

/** In ms; several begin within one, each at another part of it. */
const TIMEOUTS = [1, 2, 3, 5, 10, 20]
const TIMES = 20

/** How many ms before its time the earliest of `ask(timeout, cb)` ends; none ends in another way. */
async function earliest (ask) {
  let most = -Infinity
  for (let time = 0; time < TIMES; time++) {
    await Promise.all(TIMEOUTS.map(timeout => new Promise((resolve, reject) => {
      // Another part of a millisecond each time.
      for (const end = performance.now() + time / TIMES; performance.now() < end;);
      const begun = performance.now()
      ask(timeout, err => {
        most = Math.max(most, timeout - (performance.now() - begun))
        if (err && err.message === 'ERR_TIMEOUT') resolve()
        else reject(err || new Error('it was answered'))
      })
    })))
  }
  return most
}

/** A hook of its own: its requests go through all the methods, and its replies through the socket. */
const replaced = ({ TransportRPCClient }) => class extends TransportRPCClient {
  sendRequest (...args) {
    return super.sendRequest(...args)
  }
}

/** A port where connections are accepted, and nothing is said. */
async function silent (stage) {
  const server = net.createServer(socket => socket.on('error', () => {}).resume())
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const sockets = new Set()
  server.on('connection', socket => sockets.add(socket))
  stage.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `127.0.0.1:${server.address().port}`
}

for (const isSecure of [false, true]) {
  for (const [lane, Transport] of [['', undefined], [', by socket', replaced]]) {
    each(`C319: a request does not end with ERR_TIMEOUT before its time${lane}${isSecure ? ', TLS' : ''}`, async ({ implementation, stage }) => {
      const server = isSecure ? { secure: { ...certificates().server, verifyClient: () => true } } : {}
      const service = await stage.serve(implementation, () => {}, server)
      const client = isSecure ? { secure: certificates().client } : {}
      const peer = stage.client(implementation, service.dest, { maxActiveDestTransports: 1, ...client }, Transport && Transport(implementation))
      const transport = peer.transport(service.dest, {})
      transport.connect()
      while (!transport.isConnected()) await new Promise(resolve => setTimeout(resolve, 5))
      const most = await earliest((timeout, cb) => transport.request('key', null, { timeout }, cb))
      assert.ok(most <= 0, `${most} ms before its time`)
    }, { better: true })
  }
}

each('C319: a request that waits for its connection does not end with ERR_TIMEOUT before its time', async ({ implementation, stage }) => {
  const peer = stage.client(implementation, await silent(stage))
  const most = await earliest((timeout, cb) => peer.request('key', null, { timeout }, cb))
  assert.ok(most <= 0, `${most} ms before its time`)
}, { better: true })

each('C319: a lookup does not end with ERR_TIMEOUT before its time', async ({ implementation, stage }) => {
  const link = startLink(stage, implementation, `http://${await silent(stage)}`)
  let asked = 0
  const most = await earliest((timeout, cb) => link.lookup(`key ${asked++}`, { timeout, retry: 1 }, cb))
  assert.ok(most <= 0, `${most} ms before its time`)
}, { better: true })
