'use strict'

// ZeroMQ: router and dealers for requests, publisher and subscribers for news.

const { setImmediate: turn } = require('timers/promises')
const zmq = require('zeromq')
const { sleep } = require('../lib/sleep')

/** As many as a client of ours opens to one server. */
const CONNECTIONS = 3

/** Seconds until all subscriptions have arrived. */
const SETTLE = 0.5

async function serve ({ port }) {
  const router = new zmq.Router({ sendHighWaterMark: 0, receiveHighWaterMark: 0 })
  await router.bind(`tcp://127.0.0.1:${port}`)
  const run = async () => {
    for await (const [peer, text] of router) {
      const [rid, , payload] = JSON.parse(text)
      await router.send([peer, JSON.stringify([rid, null, payload])])
    }
  }
  run()
}

function dealer (port, waiting) {
  const socket = new zmq.Dealer({ sendHighWaterMark: 0, receiveHighWaterMark: 0 })
  socket.connect(`tcp://127.0.0.1:${port}`)
  const hear = async () => {
    for await (const [text] of socket) {
      const [rid, err, result] = JSON.parse(text)
      const cb = waiting.get(rid)
      waiting.delete(rid)
      cb(err, result)
    }
  }
  hear()

  // A socket accepts the next message only after the previous one.
  const queue = []
  let sending = false
  return async text => {
    queue.push(text)
    if (sending) return
    sending = true
    for (let at = 0; at < queue.length; at++) await socket.send(queue[at])
    queue.length = 0
    sending = false
  }
}

function connect ({ port }) {
  const waiting = new Map()
  const dealers = Array.from({ length: CONNECTIONS }, () => dealer(port, waiting))
  let last = 0
  return (payload, cb) => {
    const rid = ++last
    waiting.set(rid, cb)
    dealers[rid % CONNECTIONS](JSON.stringify([rid, 'bench', payload]))
  }
}

async function publisher ({ port }) {
  // Without `noDrop` a slow subscriber would lose messages.
  const socket = new zmq.Publisher({ noDrop: true })
  await socket.bind(`tcp://127.0.0.1:${port}`)
  const publish = async text => {
    try {
      await socket.send(text)
    } catch (err) {
      if (err.code !== 'EAGAIN') throw err
      await turn()
      return publish(text)
    }
  }
  return { publish, behind: () => 0 }
}

async function subscribe ({ port }, count, onMessage) {
  for (let i = 0; i < count; i++) {
    const socket = new zmq.Subscriber()
    socket.connect(`tcp://127.0.0.1:${port}`)
    socket.subscribe()
    const hear = async () => {
      for await (const [text] of socket) onMessage(text.toString())
    }
    hear()
  }
  // There is no event for a subscription that has arrived.
  await sleep(SETTLE)
}

module.exports = { connect, publisher, serve, subscribe }
