'use strict'

// Sends a request to every server of a service at once; start server.js several times.
//
//   node examples/map.js

const { PeerRPCClient, Link } = require('..')

const link = new Link({ grape: process.env.GRAPE || 'embedded' })
link.start()

const peer = new PeerRPCClient(link, {})
peer.init()

peer.map('rpc_test', 'hello', { timeout: 10000 }, (err, answers) => {
  if (err) console.error('failed:', err.message)
  else console.log(`${answers.length} answered:`, answers)
  peer.stop()
  link.stop()
})
