'use strict'

// Networks of grapes, and what services notice of them.

const assert = require('node:assert')
const { KEY, PORT, caller, failedIn, grapesOn, linked, percent, served, server, sleep, untilFound } = require('../stage')

/** Duration of a cut and liveness of the nodes, both in `ms`: realistic ones, or short ones. */
function partition (title, short, { cut, liveness }) {
  return {
    title,
    short,
    of: 'grapes',
    hosts: 6,
    within: cut + 90000,
    async run ({ lab, kind }) {
      const conf = { dht_nodeLiveness: liveness }
      await grapesOn(lab.hosts, kind, conf)
      const halves = [lab.hosts.slice(0, 3), lab.hosts.slice(3)]
      await sleep(1000)
      await lab.cut(...halves)
      await sleep(cut)
      await lab.heal(...halves)
      const [one, other] = await Promise.all([linked(lab.hosts[1], kind), linked(lab.hosts[4], kind)])
      await one.call('serve', { key: KEY, port: PORT })
      return { 'found after (ms)': await untilFound(other, 1, 60000) }
    },
    expect ({ 'found after (ms)': ms }) {
      assert(ms !== null, 'the halves did not find each other again')
    }
  }
}

module.exports = [
  partition('a network of six grapes is one again after it was cut in two for 6 s', true, { cut: 6000, liveness: 1000 }),
  partition('a network of six grapes is one again after it was cut in two for 5 min', false, { cut: 300000, liveness: 300000 }),
  {
    title: 'of five hosts with grapes one loses its power',
    short: true,
    of: 'grapes',
    hosts: 5,
    within: 120000,
    async run ({ lab, kind }) {
      const { client } = await served({ lab, kind }, [lab.hosts[1]])
      await client.call('load', { key: KEY, rate: 100, seconds: 1 })
      await lab.powerOff(lab.hosts[4])
      // Long enough for a cached lookup to expire.
      const { failed, sent, p99, slowest } = await client.call('load', { key: KEY, rate: 100, seconds: 12 })
      return { 'failed (%)': percent(failed, sent), 'slowest 1 % (ms)': p99, 'slowest (ms)': slowest }
    },
    // A lookup that waits for a dead host takes a second, and so do 100 others.
    expect (figures, slack) {
      assert.strictEqual(figures['failed (%)'], 0)
      assert(figures['slowest 1 % (ms)'] < 200 * slack)
    }
  },
  {
    title: 'all grapes are gone for 20 s',
    hosts: 3,
    within: 120000,
    async run ({ lab, kind }) {
      const { client, grapes } = await served({ lab, kind }, lab.hosts.slice(1))
      const loading = client.call('load', { key: KEY, rate: 200 })
      await sleep(2000)
      await Promise.all(grapes.map(grape => grape.kill()))
      await sleep(20000)
      await grapesOn(lab.hosts, kind)
      const late = await caller(lab.hosts[0], kind)
      const found = await untilFound(late, 2, 30000)
      await client.call('endLoad')
      const { seconds } = await loading
      return { 'failed meanwhile (%)': failedIn(seconds, 2, 22), 'failed later (%)': failedIn(seconds, 22), 'all found after (ms)': found }
    },
    expect (figures) {
      assert.strictEqual(figures['failed meanwhile (%)'], 0)
      assert.strictEqual(figures['failed later (%)'], 0)
      assert(figures['all found after (ms)'] !== null)
    }
  },
  {
    title: 'a service is there 2 s before its grapes',
    hosts: 2,
    of: 'grapes',
    within: 240000,
    async run ({ lab, kind }) {
      const [here, there] = lab.hosts
      await server(there, kind)
      await sleep(2000)
      await grapesOn(lab.hosts, kind)
      return { 'found after (ms)': await untilFound(await linked(here, kind), 1, 200000) }
    },
    expect ({ 'found after (ms)': ms }, slack) {
      assert(ms !== null && ms < 5000 * slack)
    }
  },
  {
    title: 'of thirty grapes one is killed and another comes, every 2 s',
    alone: true,
    of: 'grapes',
    hosts: 30,
    within: 180000,
    async run ({ lab, kind }) {
      const grapes = await grapesOn(lab.hosts, kind)
      const [one, other] = await Promise.all([linked(lab.hosts[1], kind), linked(lab.hosts[2], kind)])
      await one.call('serve', { key: KEY, port: PORT })
      await untilFound(other, 1, 20000)
      const looking = other.call('lookups', { key: KEY, seconds: 60, pause: 50 })
      // Neither the queried grape, nor the first one, through which all start.
      for (let at = 3; at < lab.hosts.length; at++) {
        const host = lab.hosts[at]
        await grapes[at].kill()
        const [next] = await Promise.all([host.process(kind), sleep(2000)])
        await next.call('runGrape', { bootstrap: [lab.hosts[0].ip] })
      }
      const { count, missed, p50, p90, slowest } = await looking
      return { 'not found (%)': percent(missed, count), 'half (ms)': p50, '90 % (ms)': p90, 'slowest (ms)': slowest }
    },
    expect (figures) {
      assert.strictEqual(figures['not found (%)'], 0)
      assert(figures['90 % (ms)'] <= 500)
    }
  }
]
