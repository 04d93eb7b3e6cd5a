'use strict'

// A cluster of one worker that serves: says what its primary hears.

const cluster = require('cluster')
const net = require('net')
const { byName } = require('../implementations')

const [name, what, port] = process.argv.slice(2)

if (cluster.isPrimary) {
  const worker = cluster.fork()
  const heard = []
  cluster.on('listening', ({ state }, { address, addressType, port: at }) => heard.push({ state, address, addressType, isPort: at === +port }))
  worker.on('listening', () => {
    const socket = net.connect(+port, '127.0.0.1')
    socket.on('error', () => {})
    socket.on('connect', () => setTimeout(() => {
      // Without a WebSocket it is nobody's connection.
      socket.destroy()
      worker.disconnect()
    }, 50))
  })
  worker.on('exit', (code, signal) => {
    console.log(JSON.stringify({ heard, code, signal }))
    process.exit()
  })
} else {
  const { PeerPub, PeerRPCServer } = byName[name]
  const peer = new (what === 'pub' ? PeerPub : PeerRPCServer)({}, {})
  peer.init()
  peer.transport('server').listen(+port)
}
