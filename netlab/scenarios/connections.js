'use strict'

// Connections whose other side is stopped, dead, or sending much.

const assert = require('node:assert')
const { KEY, served, sleep } = require('../stage')

/**
 * Some two hundred of them are more than the systems of two hosts buffer for a process that reads
 * nothing.
 */
const LARGE = 'x'.repeat(100000)

/** How long the calls to a lost host may take, in ms. */
const PATIENCE = 150000

/** A host that loses its power, while its process is stopped (`isStill`) or replying. */
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
  {
    title: 'an answer of 10 MB comes by a cable of 1 Mbit/s, and small calls beside it have 2 s',
    hosts: 2,
    within: 200000,
    async run ({ lab, kind }) {
      const { client } = await served({ lab, kind }, [lab.hosts[1]])
      await client.call('load', { key: KEY, rate: 100, seconds: 1 })
      await lab.cable(lab.hosts[1], { delay: 5, jitter: 0, loss: 0, rate: 1000, queue: 200 })
      const loading = client.call('load', { key: KEY, rate: 20, timeout: 2000 })
      await sleep(1000)
      const { ms, length } = await client.call('call', { key: KEY, payload: 10e6, timeout: PATIENCE })
      await client.call('endLoad')
      const { sent, failed, p50, p99 } = await loading
      return { sent, failed, 'half (ms)': p50, 'slowest 1 % (ms)': p99, 'the large one (s)': Math.round(ms / 1000), length }
    },
    // Requests sent before the beginning of the large message has arrived may be behind it, and
    // with TLS that is 16 KiB.
    expect ({ failed, length }) {
      assert.strictEqual(length, 10e6)
      assert(failed <= 3)
    }
  },
  notices('the host of a lone server loses its power, while the server stands still and much is on its way', true),
  notices('the host of a lone server loses its power, while it is asked', false)
]
