'use strict'

// Two real grapes that form one network, in this process or, run as a script, in a process of
// their own that ends with its parent.

const original = require('grenache-grape')
const { freePort, freeUdpPort } = require('./ports')

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

module.exports = { startGrapes }
