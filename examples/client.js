'use strict'

// Sends requests to the service of server.js: one that succeeds and one that fails.
//
//   node examples/client.js

const { PeerRPCClient, Link } = require('..')

const link = new Link({ grape: process.env.GRAPE || 'embedded' })
link.start()

const peer = new PeerRPCClient(link, {})
peer.init()

peer.request('rpc_test', 'hello', { timeout: 10000 }, (err, answer) => {
  if (err) console.error('failed:', err.message)
  else console.log('answer:', answer)

  peer.request('rpc_test', { not: 'hello' }, { timeout: 10000 }, err => {
    console.log('the service said:', err ? err.message : 'nothing wrong')
    peer.stop()
    link.stop()
  })
})
