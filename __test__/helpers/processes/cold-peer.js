'use strict'

// Clients in a process of their own that end what they have just begun: cold-peer.js native <dest>. It is
// told `{ how, payload, file }`: a new client asks, works without a pause until `file` is there, if one is
// named, and ends as `how` says. It answers with the message of the error that the callback got.

const fs = require('fs')
const { byName } = require('../implementations')

const [name, dest] = process.argv.slice(2)
const { PeerRPCClient } = byName[name]

/** Longer than anything takes that is under way, in ms. */
const PATIENCE = 4000

const HOW = {
  none () {},
  'stop() of the peer': peer => peer.stop(),
  'stop() of the transport': (peer, transport) => transport.stop(),
  'disconnect()': (peer, transport) => transport.disconnect(),
  'close() of the socket': (peer, transport) => transport.socket.close(),
  'terminate() of the socket': (peer, transport) => transport.socket.terminate()
}

function workUntil (file) {
  const end = performance.now() + PATIENCE
  while (!fs.existsSync(file) && performance.now() < end);
}

process.on('message', ({ how, payload, file }) => {
  const peer = new PeerRPCClient({ lookup: (key, opts, cb) => cb(null, [dest]) }, {})
  peer.init()
  const transport = peer.transport(dest)
  transport.request('pay', payload, {}, err => {
    process.send({ told: err ? err.message : 'answered' })
    peer.stop()
  })
  if (file) workUntil(file)
  HOW[how](peer, transport)
})
process.on('disconnect', () => process.exit())
process.send({ told: 'ready' })
