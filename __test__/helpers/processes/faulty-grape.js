'use strict'

// Two grapes that form one network, in a process that can be killed and started again at the
// same ports: faulty-grape.js '{"dht": [port, port], "api": [port, port]}'.

const { Grape } = require('grenache-grape')

const { dht, api } = JSON.parse(process.argv[2])

const grapes = dht.map((port, at) => new Grape({
  dht_port: port,
  dht_bootstrap: [`127.0.0.1:${dht[1 - at]}`],
  api_port: api[at]
}))
Promise.all(grapes.map(grape => new Promise((resolve, reject) => {
  grape.once('ready', resolve)
  grape.start(err => err && reject(err))
}))).then(() => process.send({ event: 'ready' }))
process.on('disconnect', () => process.exit())
