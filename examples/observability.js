'use strict'

// Observes a service and its clients in three ways: statistics, channels, and with
// NODE_DEBUG=grenache lines on stderr.
//
//   NODE_DEBUG=grenache node examples/observability.js

const { AsyncLocalStorage } = require('async_hooks')
const { channel } = require('diagnostics_channel')
const { PeerRPCClient, PeerRPCServer, Link } = require('..')

const KEY = 'rpc_test'

const link = new Link({ grape: 'embedded' }).start()

const server = new PeerRPCServer(link, {})
server.init()
const service = server.transport('server').listen(0)

// Makes the id of a request available to all code that runs for it.
const current = new AsyncLocalStorage()
const start = channel('grenache:request:start')
if (start.bindStore) start.bindStore(current, ({ rid }) => rid)

service.on('request', (rid, key, payload, handler) => {
  setTimeout(() => {
    if (payload % 10 === 0) handler.reply(new Error(`${payload} is round`))
    else handler.reply(null, `${payload} by ${current.getStore()}`)
  }, payload)
})

channel('grenache:request:error').subscribe(({ side, address, error, duration }) => {
  console.log(`${side} ${address}: ${error.message}, after ${duration.toFixed(1)} ms`)
})

const client = new PeerRPCClient(link, {})
client.init()

link.startAnnouncing(KEY, service.port, {}, err => {
  if (err) throw err
  let waiting = 50
  for (let payload = 1; payload <= 50; payload++) {
    client.request(KEY, payload, { timeout: 10000 }, () => {
      if (--waiting > 0) return
      console.log('client', client.stats())
      console.log('server', server.stats())
      console.log('link', link.stats())
      client.stop()
      server.stop()
      link.stop()
    })
  }
})
