'use strict'

// What tests of subscribers share.

const { once } = require('events')
const { freePort } = require('../../../scripts/lib/ports')

/** Longer than the first wait before a reconnect. */
const SETTLED = 250

const wait = ms => new Promise(resolve => setTimeout(resolve, ms))

/** Like `once`, which would itself be a listener for `error`. */
const told = (emitter, event) => new Promise(resolve => emitter.on(event, resolve))

async function deadDest () {
  return `127.0.0.1:${await freePort()}`
}

/** Counts the connections of a publisher. */
function connectionsOf (service) {
  const connections = []
  service.socket.on('connection', socket => connections.push(socket))
  return connections
}

/** A subscriber that is connected to a publisher; `conf` and `opts` are those of peer and `sub`. */
async function subscribed (stage, client, service, { conf, opts, before } = {}) {
  const peer = stage.subscriber(client, service.dest, conf)
  if (before) before(peer)
  const accepted = once(service.socket, 'connection')
  const connected = once(peer, 'connected')
  peer.sub('key', opts)
  await Promise.all([accepted, connected])
  return peer
}

/** A link whose answers `answer(count)` gives, and the times of its lookups. */
function linkOf (peer, answer) {
  const lookups = []
  peer.link = {
    lookup (key, opts, cb) {
      lookups.push({ key, opts, at: Date.now() })
      const result = answer(lookups.length)
      if (result instanceof Error) cb(result)
      else cb(null, [result])
    }
  }
  return lookups
}

function endAll (service) {
  for (const connection of service.socket.clients) connection.terminate()
}

module.exports = { SETTLED, connectionsOf, deadDest, endAll, linkOf, subscribed, told, wait }
