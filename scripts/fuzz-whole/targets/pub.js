'use strict'

// A publisher for each policy, publishing all the time.

const { begin, count, loaded, what } = require('./target')

const { PeerPub } = loaded

const PACE = 10
const LARGE = 'p'.repeat(64 * 1024)

const link = { lookup: (key, opts, cb) => cb(null, []) }
const peers = []

function publisher (conf) {
  const peer = new PeerPub(link, conf)
  peer.init()
  peers.push(peer)
  const service = peer.transport('server').listen(0)
  service.on('slow-subscriber', () => count('slow subscribers'))
  service.socket.on('connection', socket => socket.on('message', () => count('heard')))
  return service
}

const services = {
  disconnect: publisher({ highWater: 1024 * 1024 }),
  drop: publisher({ slowSubscriber: 'drop', highWater: 1024 * 1024 })
}

let told = 0
const timer = setInterval(() => {
  told++
  for (const service of Object.values(services)) {
    service.pub(`${told}`)
    service.pub(LARGE)
    if (told % 10 === 0) service.pub(Buffer.from('bytes'))
  }
  count('published')
}, PACE)

begin(Object.fromEntries(Object.entries(services).map(([name, { port }]) => [name, port])), {
  isQuiet: () => Object.values(services).every(service => service.socket.clients.size <= what.witnesses),
  stop () {
    clearInterval(timer)
    for (const peer of peers) peer.stop()
  }
})
