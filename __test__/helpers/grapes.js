'use strict'

// Two real grapes that form one network, in this process or, run as a script, in a process of
// their own that ends with its parent.

const original = require('grenache-grape')
const dgram = require('dgram')
const net = require('net')

function freePort () {
  return new Promise((resolve, reject) => {
    const server = net.createServer().on('error', reject)
    server.listen(0, () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

/**
 * A free port that no outgoing connection takes before it is used: below the range that the system
 * chooses from. For ports that are used later.
 */
async function quietPort () {
  for (;;) {
    const port = 10000 + Math.floor(Math.random() * 20000)
    const server = net.createServer()
    const isFree = await new Promise(resolve => {
      server.once('error', () => resolve(false))
      server.listen(port, () => server.close(() => resolve(true)))
    })
    if (isFree) return port
  }
}

function freeUdpPort () {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket('udp4').on('error', reject)
    socket.bind(0, () => {
      const { port } = socket.address()
      socket.close(() => resolve(port))
    })
  })
}

/**
 * Starts two grapes; resolves with them, their API addresses and `stop`. `conf` is both grapes',
 * such as `verify`; `Grape` is their class, by default the original's.
 */
async function startGrapes (fixed, conf, Grape = original.Grape) {
  const [dht, api] = fixed
    ? [[20001, 20002], [30001, 40001]]
    : [[await freeUdpPort(), await freeUdpPort()], [await freePort(), await freePort()]]
  const grapes = [0, 1].map(at => new Grape({
    dht_port: dht[at],
    dht_bootstrap: [`127.0.0.1:${dht[1 - at]}`],
    api_port: api[at],
    ...conf
  }))
  await Promise.all(grapes.map(grape => new Promise((resolve, reject) => {
    grape.once('ready', resolve)
    grape.start(err => err && reject(err))
  })))
  const stop = grape => new Promise(resolve => grape.stop(resolve))
  return {
    grapes,
    dht,
    urls: api.map(port => `http://127.0.0.1:${port}`),
    stop: () => Promise.all(grapes.map(stop))
  }
}

if (require.main === module) {
  process.on('disconnect', () => process.exit())
  startGrapes(process.argv.includes('--fixed')).then(({ urls }) => process.send({ urls }))
}

module.exports = { freePort, freeUdpPort, quietPort, startGrapes }
