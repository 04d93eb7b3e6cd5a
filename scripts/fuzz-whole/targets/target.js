'use strict'

// Common to all attacked processes: heartbeats, reports of held resources, and the end on request.

const fs = require('fs')

/** How often the event loop is checked, in ms. */
const PACE = 25
/** How often the process sends a heartbeat, in ms. */
const BEAT = 200
/** How long closed resources may take to be freed, in ms. */
const PATIENCE = 5000

const what = JSON.parse(process.argv[2])
/** The package under attack. */
const loaded = require(what.package)
const counts = {}
const wait = ms => new Promise(resolve => setTimeout(resolve, ms))

const tell = message => { if (process.connected) process.send(message) }

function count (name, by = 1) {
  counts[name] = (counts[name] || 0) + by
}

/** Keeps the maximum of the values of a name. */
function most (name, value) {
  counts[name] = Math.max(counts[name] || 0, value)
}

/** Reports something that must never happen. */
function breach (text) {
  tell({ breach: text })
}

/** How long a process has waited for a processor, in ms: other processes' work is no stall. */
function waited (pid = 'self') {
  try {
    return Number(fs.readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6
  } catch (err) {
    // Not available on this system.
    return 0
  }
}

const pulse = { at: performance.now(), waited: waited(), worst: 0 }

function look () {
  const now = { at: performance.now(), waited: waited() }
  const stall = now.at - pulse.at - PACE - (now.waited - pulse.waited)
  Object.assign(pulse, now, { worst: Math.max(pulse.worst, stall) })
}
setInterval(look, PACE).unref()
setInterval(() => {
  tell({ beat: { stall: Math.round(pulse.worst) } })
  pulse.worst = 0
}, BEAT).unref()

function usage () {
  const { rss, heapUsed, external } = process.memoryUsage()
  return { rss, heapUsed, external, descriptors: descriptors() }
}

function descriptors () {
  try {
    return fs.readdirSync('/proc/self/fd').length
  } catch (err) {
    return 0
  }
}

/** Resources held when the process is idle, according to `isQuiet`. */
async function settle (isQuiet) {
  const end = performance.now() + PATIENCE
  while (performance.now() < end && !isQuiet()) await wait(50)
  const isSettled = isQuiet()
  for (let round = 0; round < 4; round++) {
    global.gc()
    await wait(50)
  }
  // Garbage collection is no stall of the package.
  Object.assign(pulse, { at: performance.now(), waited: waited() })
  return { ...usage(), isSettled }
}

/** The parts of `conf.secure` as Buffers. */
function secureOf (secure) {
  return Object.fromEntries(Object.entries(secure).map(([name, text]) => [name, Buffer.from(text, 'base64')]))
}

/**
 * Starts: `ready` are the ports. `methods` can be called by the attacker; among them `isQuiet`,
 * whether the process is idle, and `stop`, after which it has to end by itself.
 */
function begin (ready, { isQuiet = () => true, stop, ...methods }) {
  const all = { ...methods, settle: () => settle(isQuiet), counts: () => counts }
  process.on('message', async ({ id, method, args }) => {
    if (method === 'stop') {
      await stop()
      return process.disconnect()
    }
    tell({ id, value: await all[method](...args) })
  })
  // The parent process has ended.
  process.on('disconnect', () => setTimeout(() => process.exit(3), 4 * PATIENCE).unref())
  tell({ ready })
}

module.exports = { begin, breach, count, loaded, most, secureOf, tell, wait, waited, what }
