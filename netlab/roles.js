'use strict'

// Roles of processes of the lab, with this package or the original ones.

const original = () => ({
  ...require('grenache-nodejs-ws'),
  Link: require('grenache-nodejs-link'),
  Grape: require('grenache-grape').Grape
})

const ours = process.env.NETLAB_KIND !== 'original'
const { Grape, Link, PeerPub, PeerRPCClient, PeerRPCServer, PeerSub } = ours ? require('..') : original()

const DHT_PORT = 20001
const API_PORT = 30001
const ANNOUNCE_INTERVAL = 10000

/** Keys and certificates `{ server, client }`, if there is TLS. */
const tls = process.env.NETLAB_TLS && JSON.parse(process.env.NETLAB_TLS, (name, value) =>
  typeof value === 'string' ? Buffer.from(value, 'base64') : value)

const url = ip => `http://${ip}:${API_PORT}`
const now = () => performance.now()
const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))
const called = (object, method, ...args) => new Promise((resolve, reject) =>
  object[method](...args, (err, res) => err ? reject(err) : resolve(res)))

/** The value of `sorted` below which the share `part` of all are, as an integer. */
const quantile = (sorted, part) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))])

/** State of this process. */
let grape
let link
let server
let service
let clients
let loading
const heard = []
let asked = 0

/** A grape on this host with the hosts `bootstrap`. */
async function runGrape ({ bootstrap = [], conf }) {
  grape = new Grape({
    host: process.env.NETLAB_HOST,
    dht_port: DHT_PORT,
    api_port: API_PORT,
    dht_bootstrap: bootstrap.map(ip => `${ip}:${DHT_PORT}`),
    ...conf
  })
  await called(grape, 'start')
}

/** A link to the grapes of the hosts `grapes`. */
function linkTo ({ grapes, conf }) {
  const urls = grapes.map(url)
  // The original supports only one grape.
  link = new Link({ grape: ours ? urls : urls[0], ...conf })
  link.start()
}

/** Instead of a link: its lookups return `dests`. */
function know ({ dests }) {
  link = { lookup: (key, opts, cb) => cb(null, dests) }
}

/** Looks `key` up at a grape: `{ ms, addresses, error }`. */
async function lookup ({ key }) {
  link.cache.lookup.clear()
  const begin = now()
  try {
    const addresses = await called(link, 'lookup', key, {})
    return { ms: now() - begin, addresses }
  } catch (err) {
    return { ms: now() - begin, addresses: [], error: err.message }
  }
}

/** Looks `key` up repeatedly for `seconds`: `{ count, missed, p50, p90, slowest }`. */
async function lookups ({ key, seconds, pause }) {
  const ages = []
  let missed = 0
  const end = now() + seconds * 1000
  while (now() < end) {
    const { ms, addresses } = await lookup({ key })
    ages.push(ms)
    if (addresses.length === 0) missed++
    await sleep(pause)
  }
  ages.sort((a, b) => a - b)
  return { count: ages.length, missed, p50: quantile(ages, 0.5), p90: quantile(ages, 0.9), slowest: quantile(ages, 1) }
}

/**
 * Serves `key` at `port`: each request takes `work` ms; the reply to a number is a text with this
 * many characters.
 */
async function serve ({ key, port, work = 0, conf }) {
  server = new PeerRPCServer(link || {}, { ...tls && { secure: { ...tls.server, verifyClient: () => true } }, ...conf })
  server.init()
  service = server.transport('server')
  service.on('request', (rid, key, payload, handler) => {
    asked++
    const answer = typeof payload === 'number' ? 'x'.repeat(payload) : payload
    if (work === 0) return handler.reply(null, answer)
    setTimeout(() => handler.reply(null, answer), work)
  })
  service.listen(port)
  if (link) link.startAnnouncing(key, port, { interval: ANNOUNCE_INTERVAL })
}

/** Number of requests received here. */
const served = () => asked

/** Stops the service gracefully. */
async function leave ({ key, port, drain }) {
  link.stopAnnouncing(key, port)
  if (ours) await server.stop({ drain })
  else service.stop()
  link.stop()
}

/** Creates `count` clients. */
function callFrom ({ count = 1, conf } = {}) {
  clients = Array.from({ length: count }, () => {
    const client = new PeerRPCClient(link, { ...tls && { secure: tls.client }, ...conf })
    client.init()
    return client
  })
}

/** One request: `{ ms, error }`, with the `length` of its reply. */
async function call ({ key, payload = 'x', timeout = 30000 }) {
  const begin = now()
  try {
    const { length } = await called(clients[0], 'request', key, payload, { timeout })
    return { ms: Math.round(now() - begin), length }
  } catch (err) {
    return { ms: Math.round(now() - begin), error: err.message }
  }
}

/**
 * Sends requests to `key`, at `rate` per second or always with `flights` in flight, for `seconds`
 * or until `endLoad`: `{ sent, failed, errors, seconds }`. `errors` has a count for each text,
 * `seconds` for each second `{ sent, failed }`; `p50`, `p99` and `slowest` are in ms. Clients take
 * turns.
 */
async function load ({ key, rate, flights, seconds = Infinity, timeout = 5000, payload = 'x' }) {
  const result = { sent: 0, failed: 0, errors: {}, seconds: [] }
  const ages = []
  const pending = new Set()
  const begin = now()
  const one = () => new Promise(resolve => {
    const sent = now()
    const at = Math.floor((sent - begin) / 1000)
    const second = result.seconds[at] || (result.seconds[at] = { sent: 0, failed: 0 })
    second.sent++
    const client = clients[result.sent++ % clients.length]
    client.request(key, payload, { timeout }, err => {
      ages.push(now() - sent)
      if (err) {
        second.failed++
        result.failed++
        result.errors[err.message] = (result.errors[err.message] || 0) + 1
      }
      resolve()
    })
  })
  const begun = () => {
    const request = one().then(() => pending.delete(request))
    pending.add(request)
  }
  loading = { end: begin + seconds * 1000 }
  while (now() < loading.end) {
    if (flights) {
      while (pending.size < flights) begun()
      await Promise.race(pending)
    } else {
      const due = Math.floor((now() - begin) * rate / 1000) + 1
      while (result.sent < due) begun()
      await sleep(1)
    }
  }
  await Promise.all(pending)
  ages.sort((a, b) => a - b)
  return { ...result, p50: quantile(ages, 0.5), p99: quantile(ages, 0.99), slowest: quantile(ages, 1) }
}

function endLoad () {
  loading.end = 0
}

/** Publishes as `key` at `port`, a message every `every` ms. */
function publish ({ key, port, every }) {
  const peer = new PeerPub(link, {})
  peer.init()
  const service = peer.transport('server')
  service.listen(port)
  link.startAnnouncing(key, port, { interval: ANNOUNCE_INTERVAL })
  setInterval(() => service.pub('x'), every)
}

/** Subscribes to `key`, and records when messages arrive. */
function subscribe ({ key, conf, opts }) {
  const peer = new PeerSub(link, { ...conf })
  peer.init()
  peer.on('message', () => heard.push(Date.now()))
  peer.on('error', () => {})
  peer.sub(key, opts || {})
}

/** When the first message since `time` arrived; null without one. */
function heardSince ({ time }) {
  const at = heard.find(at => at >= time)
  return at === undefined ? null : at
}

module.exports = { call, callFrom, endLoad, heardSince, know, leave, linkTo, load, lookup, lookups, publish, runGrape, serve, served, subscribe }
