'use strict'

// Subcommands to publish and subscribe.

const { once } = require('events')
const { createInterface } = require('readline')
const { WAIT, count, port } = require('./arguments')
const { announce, takeBack } = require('./discovery')
const { explain, usageError } = require('./failure')
const { kOpenConnections } = require('../util/symbols')

module.exports = [
  {
    name: 'pub',
    args: '[<port>]',
    help: 'publishes each line of stdin at a port, to whoever is connected',
    details: ['Without a port it takes a free one, which --announce tells the subscribers.'],
    options: {
      announce: { value: 'key', help: 'announce the port under this key meanwhile' },
      wait: { value: 'n', read: count, help: 'begin when so many subscribers are connected' }
    },
    async run (session, text) {
      const { announce: key, wait = 0 } = session.options
      if (text === undefined && key === undefined) throw usageError('pub: <port> or --announce is missing')
      const number = text === undefined ? 0 : port(text)
      const signal = session.untilSignal()

      const link = key === undefined ? null : session.link({ lasting: true })
      const service = await listen(session, link, number)
      if (link) await announce(session, link, key, service.port, true)
      session.print({ publishing: service.port }, `publishing at port ${service.port}`)
      await Promise.race([subscribers(service, wait), signal])
      const published = await publish(service, signal)
      await service.stop({ drain: session.options.timeout })
      if (link) await takeBack(session, link, key, service.port)
      session.print({ published }, `${published} lines published`)
    }
  },
  {
    name: 'sub',
    args: '<key>',
    help: 'prints what a service publishes, until Ctrl-C',
    details: ['A publisher that goes away is looked for again. --timeout limits only the first connection; --count ends it.'],
    options: {
      count: { value: 'n', read: count, help: 'end after so many messages' },
      wait: WAIT
    },
    async run (session, key) {
      const { count: limit = Infinity } = session.options
      const signal = session.untilSignal()
      const link = session.link()
      await session.find(link, key)
      await Promise.race([subscribe(session, link, key, limit), signal])
    }
  }
]

/** Starts a listening publisher. */
async function listen (session, link, number) {
  const PeerPub = require('../PeerPub')
  const peer = new PeerPub(link, {})
  peer.init()
  session.onEnd(() => peer.stop())
  const service = peer.transport('server').listen(number)
  service.on('slow-subscriber', () => session.note('a subscriber does not keep up, and is disconnected'))
  await once(service.socket, 'listening')
  return service
}

async function subscribers ({ socket }, wanted) {
  while (socket.clients.size < wanted) await once(socket, 'connection')
}

/** Publishes stdin to its end, or until `signal`; resolves with the number of lines. */
async function publish (service, signal) {
  const lines = createInterface({ input: process.stdin, crlfDelay: Infinity })
  signal.then(() => lines.close())
  let published = 0
  for await (const line of lines) {
    service.pub(line)
    published++
  }
  return published
}

/** Prints messages, up to `limit`. Rejects when the first connection fails. */
async function subscribe (session, link, key, limit) {
  const PeerSub = require('../PeerSub')
  const peer = new PeerSub(link, { reconnect: true })
  let left = limit
  const lost = () => left > 0 && session.note(`lost the publisher of ${key}, looking for it`)
  peer.init()
  session.onEnd(() => peer.off('disconnected', lost).stop())
  const done = new Promise(resolve => {
    peer.on('message', data => {
      if (left <= 0) return
      try {
        session.print(() => isText(data) ? { message: data } : { binary: data.toString('base64') }, data)
      } catch (err) {
        // The printed line would exceed the longest string.
        session.note(`a message cannot be printed: ${err.message}`)
      }
      if (--left === 0) resolve()
    })
  })
  peer.on('disconnected', lost)
  // When stdout is not read, the connections are not read either: the publisher has a limit for slow subscribers.
  let isHeld = false
  const hold = () => { for (const connection of peer[kOpenConnections]()) connection.pause(isHeld) }
  session.onSlowReader(is => {
    isHeld = is
    hold()
  })
  peer.on('connected', hold)
  await session.inTime(new Promise((resolve, reject) => {
    let isFirst = true
    peer.once('connected', () => {
      isFirst = false
      resolve()
    })
    peer.on('error', err => isFirst ? reject(err) : session.note(explain(err)))
    peer.sub(key)
  }))
  await done
}

const isText = data => typeof data === 'string'
