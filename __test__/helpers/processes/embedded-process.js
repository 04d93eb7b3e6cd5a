'use strict'

// A process of one machine: embedded-process.js <port> [<key>]. It serves the key if there is one,
// and does what it is told: a key to ask, `who` (does it run the grape?), or `end`.

const { PeerRPCClient, PeerRPCServer, Link } = require('../../..')
const { kEmbedded } = require('../../../lib/util/symbols')
const [port, key] = process.argv.slice(2)

const link = new Link({ grape: 'embedded', grapePort: +port, lruMaxAgeLookup: 1 }).start()
const client = new PeerRPCClient(link, {})
client.init()

if (key) {
  const server = new PeerRPCServer(link, {})
  server.init()
  const service = server.transport('server').listen(0)
  service.on('request', (rid, key, payload, handler) => handler.reply(null, `${key} ${payload}`))
  link.startAnnouncing(key, service.port, {}, err => process.send(err ? { error: err.message } : { announced: key }))
} else {
  process.send({ started: true })
}

process.on('message', message => {
  if (message === 'end') return process.exit()
  if (message === 'who') return process.send({ isHolder: link[kEmbedded].isHolder })
  client.request(message, 'hello', { timeout: 5000 }, (err, answer) => {
    process.send({ error: err && err.message, answer })
  })
})
process.on('disconnect', () => process.exit())
