'use strict'

// This package and the original: they have the same API.

const fs = require('fs')

const KEY = 'bench'
const TIMEOUT = 120000

const packageOf = ({ original }) => original ? require('grenache-nodejs-ws') : require('../..')

/** A link with a known lookup result, as links have after the first lookup. */
function linkTo (port) {
  const dests = [`127.0.0.1:${port}`]
  return { lookup: (key, opts, cb) => cb(null, dests) }
}

function confOf ({ conf, certificates }, name) {
  if (!certificates) return conf || {}
  const read = file => fs.readFileSync(`${certificates}/${file}.pem`)
  return {
    ...conf,
    secure: {
      key: read(`${name}-key`),
      cert: read(name),
      ca: read('authority'),
      rejectUnauthorized: false,
      verifyClient: () => true
    }
  }
}

function serve (what) {
  const peer = new (packageOf(what).PeerRPCServer)({}, confOf(what, 'server'))
  peer.init()
  const service = peer.transport('server')
  service.on('request', (rid, key, payload, handler) => handler.reply(null, payload))
  service.listen(what.port)
}

function connect (what) {
  const peer = new (packageOf(what).PeerRPCClient)(linkTo(what.port), confOf(what, 'client'))
  peer.init()
  const opts = { timeout: TIMEOUT }
  return (payload, cb) => peer.request(KEY, payload, opts, cb)
}

function publisher (what) {
  const peer = new (packageOf(what).PeerPub)({}, confOf(what))
  peer.init()
  const service = peer.transport('server')
  service.listen(what.port)
  let subscriber
  return {
    publish: text => service.pub(text),
    behind () {
      // All are equally fast: one is representative.
      if (!subscriber) [subscriber] = service.socket.clients
      return subscriber.bufferedAmount
    }
  }
}

function subscribe (what, count, onMessage) {
  const peer = new (packageOf(what).PeerSub)(linkTo(what.port), confOf(what))
  peer.init()
  peer.on('message', onMessage)
  return new Promise((resolve, reject) => {
    let connected = 0
    peer.on('error', reject)
    peer.on('connected', () => ++connected === count && resolve())
    for (let i = 0; i < count; i++) peer.sub(KEY, {})
  })
}

module.exports = { connect, publisher, serve, subscribe }
