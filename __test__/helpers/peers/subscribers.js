'use strict'

// What tests of subscribers share.

const { once } = require('events')
const { until, wait } = require('../until')
const { freePort } = require('../../../scripts/lib/ports')

/** Longer than the first wait before a reconnect. */
const SETTLED = 250

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

/** A subscriber that nobody watches, and its transports; `peer.transport` is the hook `hook`, if there is one. */
async function unwatched (stage, client, service, opts = {}) {
  const transports = []
  const heard = []
  const peer = await subscribed(stage, client, service, {
    ...opts,
    before (peer) {
      const { newTransport } = peer
      peer.newTransport = function (conf) {
        const transport = newTransport.call(this, conf)
        transports.push(transport)
        return transport
      }
      peer.on('message', message => heard.push(String(message)))
      if (opts.before) opts.before(peer)
    }
  })
  return { peer, transports, transport: transports[0], heard }
}

/** Takes the connections of a service away; resolves when the transport knows. */
async function lose (service, transport) {
  endAll(service)
  await until(() => !transport.isConnected())
}

/** Publishes, and resolves with how often a list has got it, which should be `times`. */
async function heardNow (service, heard, text, times = 1) {
  service.pub(text)
  const count = () => heard.filter(one => one === text).length
  await until(() => count() >= times)
  await wait(60)
  return count()
}

module.exports = { SETTLED, connectionsOf, deadDest, endAll, heardNow, linkOf, lose, subscribed, told, unwatched, wait }
