'use strict'

// What processes of the lab do, with this package or the original ones.

const original = () => ({
  ...require('grenache-nodejs-ws'),
  Link: require('grenache-nodejs-link'),
  Grape: require('grenache-grape').Grape
})

const ours = process.env.NETLAB_KIND !== 'original'
const { Grape, Link, PeerRPCClient, PeerRPCServer } = ours ? require('..') : original()

const DHT_PORT = 20001
const API_PORT = 30001

const url = ip => `http://${ip}:${API_PORT}`
const now = () => performance.now()
const called = (object, method, ...args) => new Promise((resolve, reject) =>
  object[method](...args, (err, res) => err ? reject(err) : resolve(res)))

/** What this process has. */
let grape
let link
let server
let service
let client

/** A grape on this host that begins at the hosts `bootstrap`. */
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
  // The original takes one grape only.
  link = new Link({ grape: ours ? urls : urls[0], ...conf })
  link.start()
}

/** Finds `key`, by asking a grape: `{ ms, addresses, error }`. */
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

/** Serves `key` at `port`: each request takes `work` ms. */
async function serve ({ key, port, work = 0, conf }) {
  server = new PeerRPCServer(link, { ...conf })
  server.init()
  service = server.transport('server')
  service.on('request', (rid, key, payload, handler) => {
    if (work === 0) return handler.reply(null, payload)
    setTimeout(() => handler.reply(null, payload), work)
  })
  service.listen(port)
  link.startAnnouncing(key, port, { interval: 10000 })
}

/** The service ends as one that is told to, in its own time. */
async function leave ({ key, port, drain }) {
  link.stopAnnouncing(key, port)
  if (ours) await server.stop({ drain })
  else service.stop()
  link.stop()
}

function callFrom ({ conf }) {
  client = new PeerRPCClient(link, { ...conf })
  client.init()
}

/**
 * Calls `key` at `rate` a second for `seconds`: `{ sent, failed, errors, seconds }`. `errors` has a
 * count for each text, `seconds` for each second `{ sent, failed }`; `p50`, `p99` and `slowest` are in ms.
 */
async function load ({ key, rate, seconds, timeout = 5000, payload = 'x' }) {
  const result = { sent: 0, failed: 0, errors: {}, seconds: [] }
  const ages = []
  const pending = []
  const begin = now()
  const one = () => new Promise(resolve => {
    const sent = now()
    const at = Math.floor((sent - begin) / 1000)
    const second = result.seconds[at] || (result.seconds[at] = { sent: 0, failed: 0 })
    second.sent++
    result.sent++
    client.request(key, payload, { timeout }, err => {
      const ms = now() - sent
      ages.push(ms)
      if (err) {
        second.failed++
        result.failed++
        result.errors[err.message] = (result.errors[err.message] || 0) + 1
      }
      resolve()
    })
  })
  const count = rate * seconds
  while (result.sent < count) {
    const due = Math.min(count, Math.floor((now() - begin) * rate / 1000) + 1)
    while (result.sent < due) pending.push(one())
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  await Promise.all(pending)
  ages.sort((a, b) => a - b)
  const at = part => Math.round(ages[Math.min(ages.length - 1, Math.floor(ages.length * part))])
  return { ...result, p50: at(0.5), p99: at(0.99), slowest: at(1) }
}

module.exports = { callFrom, leave, linkTo, load, lookup, runGrape, serve }
