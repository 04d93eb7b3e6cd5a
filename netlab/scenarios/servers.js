'use strict'

// Servers that die, are cut off, are restarted, or have too many clients.

const assert = require('node:assert')
const { KEY, PORT, caller, failedIn, percent, served, server, sleep } = require('../stage')

/** Milliseconds until a server gets a request again; null after `within`. */
async function askedAgain (server, within) {
  const begin = Date.now()
  const before = await server.call('served')
  while (Date.now() < begin + within) {
    if (await server.call('served') > before) return Date.now() - begin
    await sleep(100)
  }
  return null
}

/**
 * Grapes on all four hosts, servers on three, one of which is lost to the client by `end`, and
 * restored by `back`.
 */
function loses (title, short, { end, back }) {
  return {
    title,
    short,
    hosts: 4,
    within: 120000,
    async run ({ lab, kind }) {
      const [here, ...others] = lab.hosts
      const { client, servers } = await served({ lab, kind }, others)
      const last = servers[2]
      await client.call('load', { key: KEY, rate: 200, seconds: 1 })
      const loading = client.call('load', { key: KEY, rate: 200, timeout: 1000 })
      await sleep(1000)
      await end(lab, here, others[2])
      await sleep(24000)
      const later = []
      if (back) {
        await back(lab, here, others[2])
        later.push(['asked again after (ms)', await askedAgain(last, 40000)])
        await sleep(2000)
      }
      await client.call('endLoad')
      const { seconds } = await loading
      return {
        'failed in 15 s (%)': failedIn(seconds, 1, 16),
        'failed later (%)': failedIn(seconds, 16),
        ...Object.fromEntries(later)
      }
    },
    expect (figures, slack) {
      assert(figures['failed in 15 s (%)'] < 3 * slack)
      assert(figures['failed later (%)'] < slack)
      // It is tried at least every 30 s.
      if (back) assert(figures['asked again after (ms)'] !== null)
    }
  }
}

/**
 * Three servers, each of which is restarted with a drain under `rate` calls per second that take
 * `work` ms.
 */
function drains (short, { rate, work }) {
  return {
    title: `three servers are restarted one after the other, with a drain, at ${rate.toLocaleString('en')} calls a second of ${work} ms`,
    short,
    alone: true,
    hosts: 4,
    within: 120000,
    async run ({ lab, kind }) {
      const others = lab.hosts.slice(1)
      const { client, servers } = await served({ lab, kind }, others, { work })
      const loading = client.call('load', { key: KEY, rate })
      for (const [at, old] of servers.entries()) {
        await sleep(1000)
        await old.call('leave', { key: KEY, port: PORT, drain: 5000 })
        await old.kill()
        await server(others[at], kind, { work })
        await sleep(1000)
      }
      await client.call('endLoad')
      const { failed, sent, p50, p99, errors } = await loading
      return { sent, failed, 'half (ms)': p50, 'slowest 1 % (ms)': p99, errors: Object.keys(errors).join(' ') }
    },
    expect ({ failed }) {
      assert.strictEqual(failed, 0)
    }
  }
}

module.exports = [
  loses('of three servers one host loses its power', true, {
    end: (lab, here, there) => lab.powerOff(there)
  }),
  loses('a client reaches the grapes and two of three servers, and then the third one too', false, {
    end: (lab, here, there) => lab.cut([here], [there]),
    back: (lab, here, there) => lab.heal([here], [there])
  }),
  {
    title: 'of three servers one is killed',
    hosts: 4,
    within: 60000,
    async run ({ lab, kind }) {
      const { client, servers } = await served({ lab, kind }, lab.hosts.slice(1), { work: 5 })
      const loading = client.call('load', { key: KEY, rate: 1000, seconds: 10 })
      await sleep(2000)
      await servers[2].kill()
      const { failed, sent, p99 } = await loading
      return { sent, failed, 'slowest 1 % (ms)': p99 }
    },
    // Started requests fail: a third of those that arrive in 5 ms, and as many again on a slow
    // machine.
    expect ({ failed }, slack) {
      assert(failed <= 20 * slack)
    }
  },
  {
    title: 'a server takes ten connections, and five clients want more',
    short: true,
    hosts: 3,
    within: 60000,
    async run ({ lab, kind }) {
      const [here, there, other] = lab.hosts
      const { client } = await served({ lab, kind }, [there], { conf: { maxConnections: 10 } })
      const clients = [client, ...await Promise.all([here, here, other, other].map(host => caller(host, kind)))]
      const loads = await Promise.all(clients.map(client => client.call('load', { key: KEY, rate: 100, seconds: 10 })))
      const sum = name => loads.reduce((sum, load) => sum + load[name], 0)
      const isServed = ({ failed, sent }) => failed < sent / 2
      return {
        'clients served': loads.filter(isServed).length,
        'of their calls failed (%)': Math.max(...loads.filter(isServed).map(({ failed, sent }) => percent(failed, sent))),
        'failed (%)': percent(sum('failed'), sum('sent'))
      }
    },
    expect (figures, slack) {
      assert(figures['clients served'] >= 4)
      // Requests queued for a rejected connection fail with it: more where a handshake takes
      // longer.
      assert(figures['of their calls failed (%)'] < 2 * slack)
    }
  },
  drains(true, { rate: 2000, work: 5 }),
  drains(false, { rate: 2000, work: 50 }),
  drains(false, { rate: 8000, work: 50 })
]
