'use strict'

// Subscribers that check the numbers of received messages.

const { PeerSub } = require('../..')
const { act, breach, count, linkTo, repeat, wait, what } = require('./actor')

/** Subscribers per publisher. */
const STEADY = 3

/**
 * A subscriber of publisher `at`. Without a disconnect each number follows the previous one; if
 * slow subscribers lose messages, the publisher counts those too.
 */
function subscribe (at) {
  const peer = new PeerSub(linkTo(what.dests[at]), { reconnect: true })
  peer.init()
  const subscriber = { at, peer, last: -1, joined: false, stopped: false, disconnects: 0 }
  peer.on('message', text => {
    count('heard')
    const [number, length] = text.split(' ', 2).map(Number)
    if (text.length !== `${number} ${length} `.length + length) breach(`message ${number} is cut`)
    const { last, joined } = subscriber
    if (number <= last) breach(`message ${number} after ${last}`)
    if (joined && number > last + 1) {
      if (what.modes[at] === 'drop') count('lost', number - last - 1)
      else breach(`${number - last - 1} messages lost before ${number}`)
    }
    subscriber.last = number
    subscriber.joined = true
  })
  peer.on('disconnected', () => {
    if (!subscriber.stopped) count('disconnects')
    subscriber.disconnects++
    subscriber.joined = false
  })
  // At the end the publisher has stopped.
  peer.on('error', () => count('errors'))
  subscriber.stop = () => {
    subscriber.stopped = true
    peer.stop()
  }
  peer.sub('key')
  return subscriber
}

const each = what.slow ? 1 : STEADY
const steady = what.dests.flatMap((dest, at) => Array.from({ length: each }, () => subscribe(at)))

const comingAndGoing = at => repeat(20, async () => {
  const subscriber = subscribe(at)
  await wait(200)
  subscriber.stop()
  count('come and go')
})
const loops = what.slow ? [] : what.dests.map((dest, at) => comingAndGoing(at))

act({}, async () => {
  await Promise.all(loops)
  const heard = steady.map(({ at, last, disconnects }) => ({ at, last, disconnects }))
  for (const subscriber of steady) subscriber.stop()
  return heard
})
