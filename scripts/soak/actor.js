'use strict'

// Common to all processes of a soak: counters, reports of violations, and of held resources.

const fs = require('fs')
const registry = require('../../lib/native/connections')

/** Numbers of native connections: the highest one assigned lately, and how many are in use. */
const numbers = { highest: 0, used: 0 }
const { register } = registry
// Before the modules that use it are loaded.
registry.register = (conn, connection) => {
  numbers.highest = Math.max(numbers.highest, conn)
  numbers.used++
  return register(conn, connection)
}

const { Link } = require('../..')
const Connection = require('../../lib/connection/Connection')

const SAMPLE = 500
/** In ms; requests end by their own timeouts long before. */
const PATIENCE = 25000
/** Violations of one process that are printed. */
const TOLD = 5

const what = JSON.parse(process.argv[2])
const counts = {}
const worst = {}
const breaches = []
const wait = ms => new Promise(resolve => setTimeout(resolve, ms))

const { detach } = Connection.prototype
Connection.prototype.detach = function () {
  numbers.used--
  detach.call(this)
}

function count (name, by = 1) {
  counts[name] = (counts[name] || 0) + by
}

/** Reports something that must never happen. */
function breach (text) {
  count('breaches')
  if (breaches.length < TOLD) breaches.push(text)
}

/** Keeps the maximum of the values of a name. */
function most (name, value) {
  worst[name] = Math.max(worst[name] || 0, value)
}

function descriptors () {
  try {
    return fs.readdirSync('/proc/self/fd').length
  } catch (err) {
    // Not available on this system.
    return 0
  }
}

function sample () {
  process.send({
    sample: {
      rss: process.memoryUsage().rss,
      handles: process._getActiveHandles().length,
      descriptors: descriptors(),
      numbers: numbers.highest,
      used: numbers.used
    }
  })
  numbers.highest = 0
}

/** A started link to the grape, or one with a fixed lookup result. */
function linkTo (...dests) {
  if (dests.length > 0) return { lookup: (key, opts, cb) => cb(null, dests), stop () {} }
  return new Link({ grape: what.grape, lruMaxAgeLookup: 2000 }).start()
}

/** Errors that callers may get while servers and networks fail. */
const FAULTS = /^ERR_TRANSPORT_CLOSE$|ECONNREFUSED|ECONNRESET|EPIPE|hang up|handshake/i

/** The parts of `conf.secure` as Buffers. */
function secureOf (secure) {
  return Object.fromEntries(Object.entries(secure).map(([name, text]) => [name, Buffer.from(text, 'base64')]))
}

/** Whether the end was announced. */
const state = { stopping: false }
const asked = new Promise(resolve => process.once('message', ({ stop }) => resolve(stop)))

/** Runs `round` repeatedly until the end, `pace` ms apart. */
async function repeat (pace, round) {
  while (!state.stopping) {
    await round()
    await wait(pace)
  }
}

/** Requests of one kind. `allowed` matches the acceptable errors. */
class Asker {
  constructor (name, allowed) {
    this.name = name
    this.allowed = allowed
    this.open = 0
    Asker.all.push(this)
  }

  /**
   * Sends a request, and resolves with the error or null; `check(res)` returns whether a reply is
   * right.
   */
  ask (peer, method, key, payload, opts, check) {
    const { name } = this
    let calls = 0
    this.open++
    count(`${name} asked`)
    return new Promise(resolve => {
      peer[method](key, payload, { timeout: 10000, ...opts }, (err, res) => {
        if (++calls > 1) return breach(`${name}: a callback was called ${calls} times`)
        this.open--
        if (!err) {
          count(`${name} answered`)
          if (!check(res)) breach(`${name}: a wrong answer, ${String(JSON.stringify(res)).slice(0, 80)}`)
        } else {
          count(`${name} failed`)
          if (!this.allowed || !this.allowed.test(err.message)) breach(`${name}: ${err.message}`)
        }
        resolve(err)
      })
    })
  }
}
Asker.all = []

/**
 * Reports that it is ready, with data for other processes, and samples until the end. Then `end`
 * resolves with its result; after that nothing may keep the process alive.
 */
function act (value, end) {
  process.send({ ready: value || {} })
  const timer = setInterval(sample, SAMPLE)
  asked.then(async opts => {
    state.stopping = true
    clearInterval(timer)
    const result = await Promise.race([end(opts), new Promise(resolve => setTimeout(resolve, PATIENCE, 'late').unref())])
    if (result === 'late') breach('it did not come to an end')
    for (const { name, open } of Asker.all) if (open > 0) breach(`${name}: ${open} requests without a callback`)
    process.removeListener('disconnect', abandoned)
    process.send({ end: { counts, worst, breaches, result } }, () => process.disconnect())
  })
}

/** The parent process has ended. */
function abandoned () {
  process.exit(1)
}
process.on('disconnect', abandoned)

module.exports = { Asker, FAULTS, act, breach, count, linkTo, most, repeat, secureOf, state, wait, what }
