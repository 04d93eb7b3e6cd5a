'use strict'

// Connections whose other sides stand still, are gone, or have much to say.

const assert = require('node:assert')
const { KEY, served, sleep } = require('../stage')

/** Some two hundred of them are more than the systems of two hosts hold for a process that reads nothing. */
const LARGE = 'x'.repeat(100000)

/** How long the calls of a lost host may take, in ms. */
const PATIENCE = 150000

/** A host that loses its power, after its process `isStill`, or while it answers. */
function notices (title, isStill) {
  return {
    title,
    hosts: 2,
    within: PATIENCE + 60000,
    async run ({ lab, kind }) {
      const { client, servers } = await served({ lab, kind }, [lab.hosts[1]])
      await client.call('load', { key: KEY, rate: 100, seconds: 1 })
      if (isStill) servers[0].signal('SIGSTOP')
      const loading = client.call('load', { key: KEY, rate: 100, seconds: 2, timeout: PATIENCE, payload: isStill ? LARGE : 'x' })
      await sleep(isStill ? 5000 : 1000)
      await lab.powerOff(lab.hosts[1])
      const { errors, slowest } = await loading
      return { 'noticed after (s)': Math.round(slowest / 1000), errors: Object.keys(errors).join(' ') }
    },
    expect (figures) {
      assert(figures['noticed after (s)'] < 100)
    }
  }
}

module.exports = [
  {
    title: 'a server stands still for 75 s, with more on its way to it than the systems hold',
    hosts: 2,
    within: 200000,
    async run ({ lab, kind }) {
      const { client, servers } = await served({ lab, kind }, [lab.hosts[1]])
      await client.call('load', { key: KEY, rate: 100, seconds: 1 })
      servers[0].signal('SIGSTOP')
      const loading = client.call('load', { key: KEY, rate: 100, seconds: 2, timeout: PATIENCE, payload: LARGE })
      await sleep(75000)
      servers[0].signal('SIGCONT')
      const { sent, failed, errors } = await loading
      return { sent, failed, errors: Object.keys(errors).join(' ') }
    },
    expect ({ failed }) {
      assert.strictEqual(failed, 0)
    }
  },
  notices('the host of a lone server loses its power, while the server stands still and much is on its way', true),
  notices('the host of a lone server loses its power, while it is asked', false)
]
