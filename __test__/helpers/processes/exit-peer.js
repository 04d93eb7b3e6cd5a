'use strict'

// A server that says something when its process exits, and is gone right after it.

const { byName } = require('../implementations')

const [name, what, port, secure] = process.argv.slice(2)
const { PeerPub, PeerRPCServer } = byName[name]
const Peer = what === 'pub' ? PeerPub : PeerRPCServer
const conf = {}
if (secure) {
  const texts = Object.entries(JSON.parse(secure))
  conf.secure = { ...Object.fromEntries(texts.map(([name, text]) => [name, Buffer.from(text, 'base64')])), verifyClient: () => true }
}
const peer = new Peer({}, conf)
peer.init()
const service = peer.transport('server')

const SAYS = {
  reply: handler => handler.reply(null, 'last'),
  send: () => service.socket.clients.forEach(client => client.send('["last"]')),
  pub: () => service.pub('last'),
  both: handler => {
    handler.reply(null, 'first')
    service.socket.clients.forEach(client => client.send('["last"]'))
  }
}

function exit (handler) {
  process.on('exit', () => {
    SAYS[what](handler)
    // Nothing leaves later.
    process.kill(process.pid, 'SIGKILL')
  })
  process.exit()
}

service.on('request', (rid, key, payload, handler) => {
  if (key === 'exit') exit(handler)
  else handler.reply(null, payload)
})
service.listen(+port)
service.socket.on('listening', () => process.send('listening'))
process.on('message', () => exit())
