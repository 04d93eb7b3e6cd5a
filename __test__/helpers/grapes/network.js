'use strict'

// Networks of grapes of both kinds, each a process of its own.

const { Child } = require('../../../scripts/lib/child')
const { ask } = require('../../../scripts/lib/grape-api')
const { freePort, freeUdpPort } = require('../../../scripts/lib/ports')

/** One grape process. */
class Node {
  constructor (implementation, conf) {
    this.implementation = implementation
    this.url = `http://127.0.0.1:${conf.api_port}`
    this.child = new Child(require.resolve('../processes/grape-process'), implementation, JSON.stringify(conf))
  }

  async ready () {
    const { error } = await this.child.next()
    if (error) throw new Error(error)
    return this
  }

  ask (type, data) {
    return ask(this.url, type, data)
  }

  stop () {
    return this.child.stop()
  }
}

/**
 * Starts `count` grapes, of the two kinds in turn; resolves with them once all are ready. They are
 * stopped after the test.
 */
async function network (t, count, conf) {
  const ports = []
  for (let at = 0; at < count; at++) ports.push([await freeUdpPort(), await freePort()])
  const nodes = []
  t.after(() => Promise.all(nodes.map(node => node.stop())))
  const start = at => {
    const bootstrap = at === 0 ? [1 % count] : at === 1 ? [0] : [0, 1]
    const node = new Node(at % 2 === 0 ? 'original' : 'native', {
      dht_port: ports[at][0],
      api_port: ports[at][1],
      dht_bootstrap: bootstrap.map(other => `127.0.0.1:${ports[other][0]}`),
      ...conf
    })
    nodes.push(node)
    return node.ready()
  }
  await Promise.all([0, 1].map(start))
  for (let at = 2; at < count; at += 2) {
    await Promise.all([at, at + 1].filter(at => at < count).map(start))
  }
  return nodes
}

module.exports = { network }
