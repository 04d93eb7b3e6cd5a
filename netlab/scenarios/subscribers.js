'use strict'

// Subscribers whose publishers come and go.

const assert = require('node:assert')
const { KEY, PORT, grapesOn, linked, sleep, untilFound } = require('../stage')

async function publisher (host, kind) {
  const process = await linked(host, kind)
  await process.call('publish', { key: KEY, port: PORT, every: 100 })
  return process
}

module.exports = [
  {
    title: 'a publisher\'s host loses its power, and is back after 20 s',
    of: 'publishers',
    hosts: 3,
    within: 150000,
    async run ({ lab, kind }) {
      const [here, other, there] = lab.hosts
      const grapes = await grapesOn(lab.hosts, kind)
      const lost = await publisher(there, kind)
      const subscriber = await linked(here, kind)
      await untilFound(subscriber, 1, 20000)
      await subscriber.call('subscribe', { key: KEY, conf: { reconnect: true } })
      await sleep(1000)
      assert(await subscriber.call('heardSince', { time: 0 }) !== null, 'nothing was published')
      await lab.powerOff(there)
      // No peer is notified that its processes end.
      await Promise.all([lost, grapes[2]].map(process => process.kill()))
      await sleep(20000)
      await lab.powerOn(there)
      const grape = await there.process(kind)
      await grape.call('runGrape', { bootstrap: [here.ip, other.ip] })
      await publisher(there, kind)
      const time = Date.now()
      let at = null
      while (at === null && Date.now() < time + 75000) {
        at = await subscriber.call('heardSince', { time })
        await sleep(100)
      }
      return { 'heard again after (ms)': at === null ? null : at - time }
    },
    // It is pinged after 30 s of silence, and has lost its memory.
    expect ({ 'heard again after (ms)': ms }) {
      assert(ms !== null && ms < 40000)
    }
  },
  {
    title: 'of two publishers one host has lost its power before six subscribers come',
    of: 'publishers',
    hosts: 4,
    within: 120000,
    async run ({ lab, kind }) {
      const [here, other, one, two] = lab.hosts
      await grapesOn(lab.hosts, kind)
      for (const host of [one, two]) await publisher(host, kind)
      const subscribers = await Promise.all(Array.from({ length: 6 }, () => linked(here, kind)))
      await untilFound(await linked(other, kind), 2, 20000)
      for (const subscriber of subscribers) await untilFound(subscriber, 2, 20000)
      await lab.powerOff(two)
      const time = Date.now()
      for (const subscriber of subscribers) await subscriber.call('subscribe', { key: KEY })
      await sleep(30000)
      const heard = await Promise.all(subscribers.map(subscriber => subscriber.call('heardSince', { time })))
      const late = heard.filter(at => at !== null).map(at => at - time)
      return { 'heard something': late.length, 'slowest (ms)': Math.max(...late) }
    },
    // The dead one is given up after 3 s, once.
    expect (figures, slack) {
      assert.strictEqual(figures['heard something'], 6)
      assert(figures['slowest (ms)'] < 5000 * slack)
    }
  }
]
