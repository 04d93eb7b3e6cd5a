'use strict'

// The three kinds of client load. `request(payload, cb)` sends one request.

const { Latencies } = require('./latencies')
const { same } = require('./same')
const { cpu } = require('./usage')

/**
 * Reading the clock costs as much as half a request: with many in flight, or many per second, a
 * sample is enough.
 */
const FEW = 16

/** A load at a fixed rate that is this many seconds behind is given up. */
const BEHIND = 0.5

/**
 * Counts requests and replies of one load. `next` is called for each reply, and ends the load by
 * returning true. `now` is the time of the latest measured reply.
 */
class Load {
  constructor (request, payload, every, next) {
    this.request = request
    this.payload = payload
    this.every = every
    this.next = next
    this.made = 0
    this.answered = 0
    this.latencies = new Latencies()
    this.done = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }))
    this.cpu = cpu()
    this.started = this.now = performance.now()
  }

  ask () {
    const asked = this.made++ % this.every === 0 ? performance.now() : 0
    this.request(this.payload, (err, res) => {
      if (err) return this.reject(err)
      if (asked !== 0) {
        this.now = performance.now()
        this.latencies.add(this.now - asked)
      }
      if (!same(res, this.payload)) return this.reject(new Error('the reply is not what was asked'))
      this.answered++
      if (this.next()) this.finish()
    })
  }

  get elapsed () {
    return (performance.now() - this.started) / 1000
  }

  finish () {
    const { elapsed: seconds, answered: total } = this
    this.resolve({ total, seconds, cpu: (cpu() - this.cpu) / total, ...this.latencies.summary() })
  }
}

/**
 * Keeps `inFlight` requests pending for `seconds`. No timer ends it: a load that is always busy may
 * never get to its timers.
 */
function loop (request, { inFlight, payload, seconds }) {
  const load = new Load(request, payload, inFlight > FEW ? FEW : 1, () => {
    if (load.now < end) load.ask()
    return load.answered === load.made
  })
  const end = load.started + seconds * 1000
  for (let i = 0; i < inFlight; i++) load.ask()
  return load.done
}

/** Sends `count` requests in one turn. */
function burst (request, { count, payload }) {
  const load = new Load(request, payload, FEW, () => load.answered === count)
  for (let i = 0; i < count; i++) load.ask()
  return load.done
}

/**
 * Sends `rate` requests per second for `seconds`, evenly: each turn of a timer sends those that are
 * due.
 */
function paced (request, { rate, payload, seconds }) {
  const all = rate * seconds
  const load = new Load(request, payload, FEW, () => load.answered === all)
  const tick = () => {
    const due = Math.min(all, Math.floor(load.elapsed * rate))
    if (due - load.answered > rate * BEHIND) return load.reject(new Error('cannot keep up'))
    while (load.made < due) load.ask()
    if (due < all) setTimeout(tick, 1)
  }
  tick()
  return load.done
}

/** Sends `count` requests that get no reply. */
function hold (request, { count, payload }) {
  for (let i = 0; i < count; i++) request(payload, () => {})
}

module.exports = { burst, hold, loop, paced }
