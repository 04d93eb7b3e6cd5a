'use strict'

// A peer in a process of its own: faulty-peer.js '{"role": "server", ...}'. `conf` is the peer's;
// what it can be asked to do stands in ROLES.

const fs = require('fs')
const { native } = require('../implementations')

const what = JSON.parse(process.argv[2])
const { role, port, dest, grape, key, handler: behaviour = 'echo' } = what
const conf = { ...what.conf, secure: what.secure }
for (const name of ['key', 'cert', 'ca']) {
  if (conf.secure) conf.secure[name] = Buffer.from(conf.secure[name], 'base64')
}
if (conf.secure && role !== 'client') conf.secure.verifyClient = () => true

/** A text of so many characters; another payload comes back as it is. */
const large = payload => typeof payload === 'number' ? 'x'.repeat(payload) : payload

/** Keeps the event loop for so long. */
function work (ms) {
  const end = performance.now() + ms
  while (performance.now() < end);
}

const tell = (event, value) => process.send({ event, value })

function link () {
  if (!grape) return { lookup: (key, opts, cb) => cb(null, [].concat(dest)) }
  return new native.Link({ grape, lruMaxAgeLookup: 1 }).start()
}

/** What the process holds, and its CPU time in ms. */
function usage () {
  return {
    rss: process.memoryUsage().rss,
    most: process.resourceUsage().maxRSS * 1024,
    cpu: Object.values(process.cpuUsage()).reduce((sum, micros) => sum + micros / 1000, 0),
    descriptors: fs.readdirSync('/proc/self/fd').length
  }
}

/** Descriptors that it has for nothing. */
const held = []

/** Takes all that are left; returns the code of the error that says so. */
function exhaust () {
  try {
    for (;;) held.push(fs.openSync('/dev/null'))
  } catch (err) {
    return err.code
  }
}

function relax () {
  for (const descriptor of held.splice(0)) fs.closeSync(descriptor)
}

const ROLES = {
  /**
   * Answers with the payload, or as `handler` says: keeps each request until `answer`, or only those
   * for the key `keep`, forgets it, or answers with so many characters as the payload says, at once, later, or by the raw socket; or
   * works for as many ms before it answers, or answers later when there are none.
   */
  server () {
    const own = link()
    const peer = new native.PeerRPCServer(own, conf)
    peer.init()
    const service = peer.transport('server')
    const asked = []
    const kept = []
    let forgotten = 0
    service.on('request', (rid, wanted, payload, handler) => {
      if (behaviour === 'forget') return forgotten++
      if (behaviour === 'raw') return
      if (behaviour === 'large') return handler.reply(null, large(payload))
      if (behaviour === 'large later') return setTimeout(() => handler.reply(null, large(payload)), 10)
      if (behaviour === 'work') {
        if (payload === 0) return setImmediate(() => handler.reply(null, payload))
        work(payload)
      }
      asked.push(payload)
      if (behaviour === 'keep' || (behaviour === 'keep some' && wanted === 'keep')) kept.push(() => handler.reply(null, payload))
      else handler.reply(null, payload)
    })
    service.on('error', err => tell('error', err.message))
    service.listen(port)
    if (behaviour === 'raw') {
      service.socket.on('connection', socket => socket.on('message', text => {
        const [rid, , payload] = JSON.parse(text)
        socket.send(JSON.stringify([rid, null, large(payload)]))
      }))
    }
    if (grape) own.startAnnouncing(key, service.port, { interval: 300 }, err => tell('announced', err && err.message))
    tell('listening', service.port)
    return {
      asked: () => asked,
      askedCount: () => asked.length,
      connections: () => service.socket.clients.size,
      /** The most that waits for a client. */
      waiting: () => Math.max(0, ...[...service.socket.clients].map(({ bufferedAmount }) => bufferedAmount)),
      /** Connections that have ended. */
      closed: () => service.stats().connections.closed,
      forgotten: () => forgotten,
      /** Does nothing else until there is a file of that name; what came meanwhile waits. */
      block (file) {
        setImmediate(() => { while (!fs.existsSync(file)); })
      },
      answer () {
        for (const answer of kept.splice(0)) answer()
      },
      usage
    }
  },

  /** Alone; `conf.listen` names events that it counts. */
  grape () {
    const { listen = [], ...rest } = what.conf || {}
    const grape = new native.Grape({ host: '127.0.0.1', dht_port: 0, api_port: 0, embedded: true, ...rest })
    const heard = {}
    for (const event of listen) {
      heard[event] = { count: 0 }
      grape.on(event, last => {
        heard[event].count++
        heard[event].last = last
      })
    }
    grape.start(() => tell('listening', +grape.address().api.split(':').pop()))
    return {
      block (file) {
        setImmediate(() => { while (!fs.existsSync(file)); })
      },
      dht: () => +grape.address().dht.split(':').pop(),
      exhaust,
      relax,
      heard: () => heard,
      usage
    }
  },

  publisher () {
    const peer = new native.PeerPub(link(), conf)
    peer.init()
    const service = peer.transport('server').listen(port)
    let slow = 0
    let lost = 0
    service.on('slow-subscriber', (socket, count) => {
      slow++
      lost += count
    })
    tell('listening', service.port)
    return {
      connections: () => service.socket.clients.size,
      /** Publishes the numbers of a range, each with `size` characters behind it. */
      publish (from, to, size) {
        const pad = 'x'.repeat(size)
        for (let at = from; at < to; at++) service.pub(`${at}:${pad}`)
      },
      slow: () => ({ ...usage(), slow, lost }),
      usage
    }
  },

  /** Notes the numbers that a publisher's messages begin with. */
  subscriber () {
    const peer = new native.PeerSub(link(), conf)
    peer.init()
    const heard = { count: 0, last: -1, ordered: true }
    peer.on('message', text => {
      const number = parseInt(text)
      heard.ordered = heard.ordered && number > heard.last
      heard.last = number
      heard.count++
    })
    peer.on('connected', () => tell('connected'))
    peer.sub('key')
    return { heard: () => heard, usage }
  },

  client () {
    const peer = new native.PeerRPCClient(link(), conf)
    peer.init()
    return {
      request: (payload, opts) => new Promise(resolve => {
        peer.request('key', payload, { timeout: 15000, ...opts }, (err, res) => {
          resolve({ err: err && { message: err.message, code: err.code }, res })
        })
      }),
      /** Sends without waiting for the answers. */
      send (count) {
        for (let at = 0; at < count; at++) peer.request('key', at, {}, () => {})
      },
      /** Takes all descriptors that are left. */
      exhaust,
      relax,
      usage
    }
  }
}

const methods = ROLES[role]()
process.on('message', async ({ id, method, args }) => {
  process.send({ id, value: await methods[method](...args) })
})
process.on('disconnect', () => process.exit())
