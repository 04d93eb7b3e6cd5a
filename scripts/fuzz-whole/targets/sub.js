'use strict'

// Subscribers of strangers, and one of a well-behaved publisher.

const { once } = require('events')
const { begin, count, loaded, wait, what } = require('./target')
const { witness } = require('./good')

const { PeerSub } = loaded

const linkTo = dest => ({ lookup: (key, opts, cb) => cb(null, [dest]) })
const subscribers = new Map()

function subscriberOf (dest) {
  if (!subscribers.has(dest)) {
    const peer = new PeerSub(linkTo(dest), { reconnect: true, maxPayload: 4 * 1024 * 1024, handshakeTimeout: 1000, maxBuffered: 100 })
    peer.init()
    peer.on('message', () => count('heard'))
    peer.on('connected', () => count('connected'))
    peer.on('disconnected', () => count('disconnected'))
    peer.on('error', () => count('failed'))
    subscribers.set(dest, peer)
  }
  return subscribers.get(dest)
}

/** Receives messages in a loop, at the speed of a slow one. */
async function loop (peer, forMs) {
  const messages = peer[Symbol.asyncIterator]()
  const timer = setTimeout(() => messages.return(), forMs)
  try {
    for await (const message of messages) {
      count(typeof message === 'string' ? 'texts' : 'bytes')
      await wait(1)
    }
  } catch (err) {
    count('loops failed')
  }
  clearTimeout(timer)
}

const own = new PeerSub(linkTo(what.good.pub), {})
own.init()
own.sub('key')
const stop = witness('a good publisher', what.good.pid, async () => {
  await once(own, 'message')
  return true
})

begin({}, {
  async ask (dest, isSecure, [{ for: forMs }]) {
    const peer = subscriberOf(dest)
    const transport = peer.transport(dest)
    transport.sub('key', { reconnect: false })
    await loop(peer, forMs)
    transport.stop()
  },
  async stop () {
    await stop()
    own.stop()
    for (const peer of subscribers.values()) peer.stop()
  }
})
