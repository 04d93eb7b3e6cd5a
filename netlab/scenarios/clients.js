'use strict'

// Faults between a client and healthy servers.

const assert = require('node:assert')
const { KEY, PORT, percent, served } = require('../stage')

/** An unreachable address. Resolvers return it first: it is the nearest one to the second host. */
const NOBODY = '10.77.0.3'

module.exports = [
  {
    title: 'a name has two addresses, and the first one is silent',
    short: true,
    hosts: 2,
    within: 60000,
    async run ({ lab, kind }) {
      const [there, here] = lab.hosts
      await here.command('ip', 'neighbour', 'add', NOBODY, 'lladdr', '02:00:00:00:00:01', 'dev', 'eth0')
      const server = await there.process(kind)
      await server.call('serve', { port: PORT })
      const client = await here.process(kind, { names: { 'service.lab': [NOBODY, there.ip] } })
      await client.call('know', { dests: [`service.lab:${PORT}`] })
      await client.call('callFrom')
      const { ms, error } = await client.call('call', { key: KEY })
      return error ? { 'failed after (ms)': ms, error } : { 'answered after (ms)': ms }
    },
    expect (figures, slack) {
      assert(figures['answered after (ms)'] < 600 * slack)
    }
  },
  {
    title: '2 % of all frames are lost on the way, which takes 20 ms more or less 5, with 64 calls in flight',
    alone: true,
    hosts: 2,
    within: 90000,
    async run ({ lab, kind }) {
      const [here, there] = lab.hosts
      const { client } = await served({ lab, kind }, [there])
      await client.call('load', { key: KEY, flights: 64, seconds: 1 })
      await lab.cable(here, { delay: 20, jitter: 5, loss: 0.02 })
      const { sent, failed, p50, p99, slowest } = await client.call('load', { key: KEY, flights: 64, seconds: 20 })
      return { sent, 'failed (%)': percent(failed, sent), 'half (ms)': p50, 'slowest 1 % (ms)': p99, 'slowest (ms)': slowest }
    },
    expect (figures, slack) {
      assert.strictEqual(figures['failed (%)'], 0)
      // A round trip takes 40 ms; a lost frame costs as long again, or 200 ms if none follows it.
      assert(figures['half (ms)'] < 100 * slack)
      assert(figures['slowest 1 % (ms)'] < 1000 * slack)
    }
  },
  {
    title: 'twenty clients of one server share fifty local ports',
    hosts: 2,
    within: 60000,
    async run ({ lab, kind }) {
      const [here, there] = lab.hosts
      const { client } = await served({ lab, kind }, [there])
      await here.command('sh', '-c', 'echo 40000 40049 > /proc/sys/net/ipv4/ip_local_port_range')
      await client.call('callFrom', { count: 20 })
      const { sent, failed, errors } = await client.call('load', { key: KEY, rate: 500, seconds: 10 })
      return { 'failed (%)': percent(failed, sent), errors: Object.keys(errors).join(' ') }
    },
    expect (figures, slack) {
      assert(figures['failed (%)'] < slack)
    }
  }
]
