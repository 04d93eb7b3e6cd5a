'use strict'

// Processes at the beginning of a scenario.

const KEY = 'service'
const PORT = 5000

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))
const percent = (part, whole) => whole === 0 ? 0 : Math.round(1000 * part / whole) / 10

/**
 * A process with a grape on each host, all with the first one as bootstrap node (and that with the
 * second).
 */
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

async function caller (host, kind, args) {
  const process = await linked(host, kind)
  await process.call('callFrom', args)
  return process
}

/**
 * Grapes on all hosts, servers on `hosts`, and a caller on the first host that has found them all.
 */
async function served ({ lab, kind }, hosts, args) {
  const grapes = await grapesOn(lab.hosts, kind)
  const servers = await Promise.all(hosts.map(host => server(host, kind, args)))
  const client = await caller(lab.hosts[0], kind)
  await untilFound(client, hosts.length, 20000)
  return { client, grapes, servers }
}

/** Looks up until `count` addresses are found; returns how many ms that took, or null. */
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

/** Share of failed calls from second `from` to `to`, in percent. */
function failedIn (seconds, from, to) {
  const some = seconds.slice(from, to).filter(Boolean)
  const sum = name => some.reduce((sum, second) => sum + second[name], 0)
  return percent(sum('failed'), sum('sent'))
}

module.exports = { KEY, PORT, caller, failedIn, grapesOn, linked, percent, served, server, sleep, untilFound }
