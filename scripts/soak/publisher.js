'use strict'

// Two publishers, one for each policy for slow subscribers. Their messages are numbered.

const { PeerPub } = require('../..')
const { act, count } = require('./actor')

const PACE = 10
/** Low, so that a stalled subscriber is soon behind. */
const HIGH_WATER = 2 * 1024 * 1024
const SIZES = [10, 100, 1000, 5000, 150000]
const pads = SIZES.map(size => 'z'.repeat(size))

const MODES = ['disconnect', 'drop']
const publishers = MODES.map(slowSubscriber => {
  const peer = new PeerPub({}, { slowSubscriber, highWater: HIGH_WATER })
  peer.init()
  const service = peer.transport('server').listen(0)
  const publisher = { peer, service, number: 0 }
  service.on('slow-subscriber', (socket, lost) => {
    count(`slow, ${slowSubscriber}`)
    count('dropped', lost)
  })
  return publisher
})

const timer = setInterval(() => {
  for (const publisher of publishers) {
    const pad = pads[publisher.number % pads.length]
    publisher.service.pub(`${publisher.number++} ${pad.length} ${pad}`)
    count('published')
  }
}, PACE)

act({ modes: MODES, ports: publishers.map(({ service }) => service.port) }, async () => {
  clearInterval(timer)
  await Promise.all(publishers.map(({ peer }) => peer.stop({ drain: 5000 })))
  return publishers.map(({ number }) => number)
})
