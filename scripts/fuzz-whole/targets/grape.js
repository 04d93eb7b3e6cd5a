'use strict'

// A grape in a network with a well-behaved one.

const { begin, count, loaded, what } = require('./target')
const { witness } = require('./good')

const { Grape } = loaded

const grape = new Grape({ api_port: 0, dht_port: 0, dht_bootstrap: [what.good.dht] })
for (const event of ['node', 'peer', 'announce', 'warning']) grape.on(event, () => count(event))

grape.start(err => {
  if (err) throw err
  const portOf = address => Number(address.split(':').pop())
  const { dht, api } = grape.address()
  const stop = witness('the grape in its own process', process.pid, () => new Promise((resolve, reject) => {
    grape.lookup('good', (err, found) => err ? reject(err) : resolve(Array.isArray(found)))
  }))
  begin({ dht: portOf(dht), api: portOf(api) }, {
    async stop () {
      await stop()
      grape.stop()
    }
  })
})
