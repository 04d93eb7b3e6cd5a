'use strict'

// Two grape processes of this package that know each other, each at ports that stay its own.

const { Child } = require('../../../scripts/lib/child')
const { freePort, freeUdpPort } = require('../../../scripts/lib/ports')

/** Resolves with their addresses `urls`, and what happens to the one `at`, 0 or 1: `start` and `kill`. None runs yet. */
async function twoGrapes (stage) {
  const [dht, api] = [[await freeUdpPort(), await freeUdpPort()], [await freePort(), await freePort()]]
  const running = []
  stage.after(() => Promise.all(running.map(grape => grape.stop())))
  return {
    urls: api.map(port => `http://127.0.0.1:${port}`),
    start (at) {
      const conf = { host: '127.0.0.1', dht_port: dht[at], dht_bootstrap: [`127.0.0.1:${dht[1 - at]}`], api_port: api[at] }
      running[at] = new Child(require.resolve('../processes/grape-process'), 'native', JSON.stringify(conf))
      return running[at].next()
    },
    kill: at => running[at].stop()
  }
}

module.exports = { twoGrapes }
