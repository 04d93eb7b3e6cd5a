'use strict'

// Code as of a service of the original's, which its tests load.

const { PeerRPCClient, PeerRPCServer } = require('grenache-nodejs-ws')

/** A server and its client, which need no grape to find each other. */
module.exports = () => {
  const server = new PeerRPCServer({}, {})
  server.init()
  const service = server.transport('server').listen(0)
  service.on('request', (rid, key, payload, handler) => {
    if (key === 'echo') handler.reply(null, payload)
    else setTimeout(() => handler.reply(null, payload), 120000)
  })
  const client = new PeerRPCClient({ lookup: (key, opts, cb) => cb(null, [`127.0.0.1:${service.port}`]) }, {})
  client.init()
  return {
    ask: (key, payload, opts = {}) => client.request(key, payload, opts),
    stop () {
      client.stop()
      server.stop()
    }
  }
}
