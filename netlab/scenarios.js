'use strict'

// What happens to services in a network that is not perfect. Each scenario has a lab of its own, and
// says what a service sees; `expect` throws where that is not what ours promises. `slack` is 2 where
// other work may share the machine, as with the tests, else 1. Those of `grapes` alone have nothing to do
// with the I/O driver.

const assert = require('node:assert')

const KEY = 'service'
const PORT = 5000

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))
const percent = (part, whole) => whole === 0 ? 0 : Math.round(1000 * part / whole) / 10

/** A process with a grape on each host, all of which begin at the first one (and it at the second). */
async function grapesOn (hosts, kind, conf) {
  const processes = await Promise.all(hosts.map(host => host.process(kind)))
  for (const [at, process] of processes.entries()) {
    await process.call('runGrape', { bootstrap: [hosts[at === 0 ? 1 : 0].ip], conf })
  }
  return processes
}

/** A process with a link to the grape of its own host. */
async function linked (host, kind) {
  const process = await host.process(kind)
  await process.call('linkTo', { grapes: [host.ip] })
  return process
}

async function server (host, kind, args) {
  const process = await linked(host, kind)
  await process.call('serve', { key: KEY, port: PORT, ...args })
  return process
}

async function caller (host, kind) {
  const process = await linked(host, kind)
  await process.call('callFrom', {})
  return process
}

/** Grapes on all hosts, servers on `hosts`, and a caller on the first one that has found them all. */
async function served ({ lab, kind }, hosts, args) {
  await grapesOn(lab.hosts, kind)
  const servers = await Promise.all(hosts.map(host => server(host, kind, args)))
  const client = await caller(lab.hosts[0], kind)
  await untilFound(client, hosts.length, 20000)
  return { client, servers }
}

/** Looks up until `count` addresses are found; how many ms that took, or null. */
async function untilFound (process, count, within) {
  const end = Date.now() + within
  const begin = Date.now()
  while (Date.now() < end) {
    const { addresses } = await process.call('lookup', { key: KEY })
    if (addresses.length >= count) return Date.now() - begin
    await sleep(100)
  }
  return null
}

/** Calls that failed from second `from` to `to`, in percent. */
function failedIn (seconds, from, to) {
  const some = seconds.slice(from, to)
  const sum = name => some.reduce((sum, second) => sum + second[name], 0)
  return percent(sum('failed'), sum('sent'))
}

/** `ms` that a cut lasts, and the liveness of the nodes: those of a day's work, or short ones. */
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
      await sleep(2000)
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
  partition('a network of six grapes is one again after it was cut in two for 10 s', true, { cut: 10000, liveness: 2000 }),
  partition('a network of six grapes is one again after it was cut in two for 5 min', false, { cut: 300000, liveness: 300000 }),
  {
    title: 'of three servers one host loses its power',
    short: true,
    hosts: 4,
    within: 120000,
    async run ({ lab, kind }) {
      const others = lab.hosts.slice(1)
      const { client } = await served({ lab, kind }, others)
      await client.call('load', { key: KEY, rate: 200, seconds: 2 })
      const loading = client.call('load', { key: KEY, rate: 200, seconds: 30, timeout: 1000 })
      await sleep(1000)
      await lab.powerOff(others[2])
      const { seconds } = await loading
      return {
        'failed in 15 s (%)': failedIn(seconds, 1, 16),
        'failed later (%)': failedIn(seconds, 16, 30)
      }
    },
    expect (figures, slack) {
      assert(figures['failed in 15 s (%)'] < 3 * slack)
      assert(figures['failed later (%)'] < slack)
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
      assert(figures['of their calls failed (%)'] < slack)
    }
  },
  {
    title: 'of five hosts with grapes one loses its power',
    short: true,
    of: 'grapes',
    hosts: 5,
    within: 120000,
    async run ({ lab, kind }) {
      const { client } = await served({ lab, kind }, [lab.hosts[1]])
      await client.call('load', { key: KEY, rate: 100, seconds: 2 })
      await lab.powerOff(lab.hosts[4])
      const { failed, sent, p99, slowest } = await client.call('load', { key: KEY, rate: 100, seconds: 15 })
      return { 'failed (%)': percent(failed, sent), 'slowest 1 % (ms)': p99, 'slowest (ms)': slowest }
    },
    // Who waits for a dead host waits for a second, and so do 100 others.
    expect (figures, slack) {
      assert.strictEqual(figures['failed (%)'], 0)
      assert(figures['slowest 1 % (ms)'] < 200 * slack)
    }
  },
  {
    title: 'three servers are restarted one after the other, with a drain',
    short: true,
    hosts: 4,
    within: 120000,
    async run ({ lab, kind }) {
      const others = lab.hosts.slice(1)
      const { client, servers } = await served({ lab, kind }, others, { work: 5 })
      const loading = client.call('load', { key: KEY, rate: 2000, seconds: 20 })
      for (const [at, old] of servers.entries()) {
        await sleep(2000)
        await old.call('leave', { key: KEY, port: PORT, drain: 5000 })
        await old.kill()
        await server(others[at], kind, { work: 5 })
        await sleep(2000)
      }
      const { failed, sent, errors } = await loading
      return { sent, failed, errors: Object.keys(errors).join(' ') }
    },
    expect ({ failed }) {
      assert.strictEqual(failed, 0)
    }
  }
]
