'use strict'

// Replies at once, later, or with errors, depending on the payload.

const { PeerRPCServer } = require('../..')
const { act, breach, count, linkTo, secureOf, what } = require('./actor')

/** How long it remembers requests, in ms. */
const MEMORY = 5000

const link = what.key ? linkTo() : linkTo('127.0.0.1:1')
const secure = what.secure && { ...secureOf(what.secure), verifyClient: () => true }
const peer = new PeerRPCServer(link, { secure, handshakeTimeout: 3000, heartbeatInterval: 5000 })
peer.init()
const service = peer.transport('server')

// Two generations, so that old ones are forgotten.
let seen = new Set()
let before = new Set()
const timer = setInterval(() => {
  before = seen
  seen = new Set()
}, MEMORY)

service.on('request', (rid, key, payload, { reply }) => {
  count('requests')
  const { id, once, fail, late } = Object(payload)
  if (once) {
    if (seen.has(id) || before.has(id)) breach(`${id} was asked twice`)
    seen.add(id)
  }
  const answer = () => reply(fail ? new Error(fail) : null, fail ? null : payload)
  if (late) setTimeout(answer, late)
  else answer()
})
service.on('request-error', () => count('request errors'))
service.listen(what.port || 0)

const ready = err => {
  if (err) breach(`announce: ${err.message}`)
  act({ port: service.port }, async stop => {
    clearInterval(timer)
    if (stop.drain) await peer.stop(stop)
    else peer.stop()
    link.stop()
  })
}
// Grapes forget a service after a minute or two.
if (what.key) link.startAnnouncing(what.key, service.port, { interval: 15000 }, ready)
else ready()
