'use strict'

// A function for each key: it returns the reply, or throws the error. Its context has a signal that
// is aborted when the caller disconnects.
//
//   node examples/handle.js

const { setTimeout: sleep } = require('timers/promises')
const { PeerRPCClient, PeerRPCServer, Link } = require('..')

async function main () {
  const link = new Link({ grape: process.env.GRAPE || 'embedded' })
  link.start()

  const server = new PeerRPCServer(link, {})
  server.init()
  const service = server.transport('server').listen(0)
  service.handle('handle_sum', ({ a, b }) => a + b)
  service.handle('handle_root', x => {
    if (x < 0) throw new RangeError(`${x} has no root`)
    return Math.sqrt(x)
  })
  const slow = new Promise(resolve => service.handle('handle_slow', async (payload, { signal }) => {
    resolve(signal)
    await sleep(60000, undefined, { signal })
  }))
  for (const key of ['handle_sum', 'handle_root', 'handle_slow']) {
    await link.promises.startAnnouncing(key, service.port)
  }

  const client = new PeerRPCClient(link, {})
  client.init()
  console.log('1 + 2 =', await client.request('handle_sum', { a: 1, b: 2 }))
  await client.request('handle_root', -1).catch(err => console.log('error:', err.message))

  client.request('handle_slow', null)
  const signal = await slow
  signal.addEventListener('abort', () => {
    console.log('the caller is gone')
    server.stop()
    link.stop()
  })
  client.stop()
}

main()
