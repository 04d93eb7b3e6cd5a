'use strict'

// Without a callback a call returns a Promise, and an AbortSignal can cancel it.
//
//   node examples/promises.js

const { PeerRPCClient, PeerRPCServer, Link } = require('..')

async function main () {
  const link = new Link({ grape: process.env.GRAPE || 'embedded' })
  link.start()

  const server = new PeerRPCServer(link, {})
  server.init()
  const service = server.transport('server').listen(0)
  service.on('request', (rid, key, payload, handler) => {
    if (payload === 'hello') handler.reply(null, 'world')
  })
  await link.promises.startAnnouncing('promises_test', service.port)

  const client = new PeerRPCClient(link, {})
  client.init()
  try {
    console.log('answer:', await client.request('promises_test', 'hello', { timeout: 10000 }))
    console.log('answers of all servers:', await client.map('promises_test', 'hello'))
    // This one gets no reply.
    await client.request('promises_test', 'anybody?', { signal: AbortSignal.timeout(100) })
  } catch (err) {
    console.log(`${err.name}, since ${err.cause.message}`)
  } finally {
    client.stop()
    server.stop()
    link.stop()
  }
}

main()
