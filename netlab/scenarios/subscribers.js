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
      // Nobody hears that its processes end.
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
    // It is pinged when it was silent for 30 s, and has lost its memory.
    expect ({ 'heard again after (ms)': ms }) {
      assert(ms !== null && ms < 40000)
    }
  }
]
