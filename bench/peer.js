'use strict'

// One process of a measurement, told by its parent what to be: see index.js.
//
//   peer.js <implementation> <role> <port> [certificates]

const fs = require('fs')

const [implementation, role, port, certificates] = process.argv.slice(2)
const packages = implementation === 'original' ? require('grenache-nodejs-ws') : require('..')
const { PeerPub, PeerRPCClient, PeerRPCServer, PeerSub } = packages

const KEY = 'bench'
const TIMEOUT = 60000

const link = { lookup: (key, opts, cb) => cb(null, [`127.0.0.1:${port}`]) }

function secure (name) {
  if (!certificates) return {}
  const read = file => fs.readFileSync(`${certificates}/${file}.pem`)
  return {
    secure: {
      key: read(`${name}-key`),
      cert: read(name),
      ca: read('authority'),
      rejectUnauthorized: false,
      verifyClient: () => true
    }
  }
}

function cpu () {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Keeps `inFlight` requests under way until `total` are answered. */
function pump (peer, { inFlight, total, payload }) {
  // Taking the time costs as much as half a request: of many in flight a few tell enough.
  const every = inFlight === 1 ? 1 : 16
  const latencies = new Float64Array(Math.ceil(total / every))
  let sent = 0
  let answered = 0
  const started = { time: performance.now(), cpu: cpu() }
  return new Promise((resolve, reject) => {
    const send = () => {
      const sample = sent % every === 0 ? sent / every : -1
      const at = sample < 0 ? 0 : performance.now()
      sent++
      peer.request(KEY, payload, { timeout: TIMEOUT }, err => {
        if (err) return reject(err)
        if (sample >= 0) latencies[sample] = (performance.now() - at) * 1000
        if (++answered === total) {
          latencies.sort()
          return resolve({
            seconds: (performance.now() - started.time) / 1000,
            cpu: (cpu() - started.cpu) / total,
            p50: latencies[Math.floor(latencies.length * 0.5)],
            p99: latencies[Math.floor(latencies.length * 0.99)]
          })
        }
        if (sent < total) send()
      })
    }
    for (let i = 0; i < inFlight; i++) send()
  })
}

/** Answers each message of the parent with what `act` resolves with. */
function answer (act) {
  process.on('message', message => {
    Promise.resolve(message).then(act).then(
      result => process.send({ result }),
      err => process.send({ error: err.message })
    )
  })
  process.send({ ready: true })
}

const ROLES = {
  server () {
    const peer = new PeerRPCServer({}, secure('server'))
    peer.init()
    const service = peer.transport('server')
    service.on('request', (rid, key, payload, handler) => handler.reply(null, payload))
    service.listen(+port)
    answer(() => ({ cpu: cpu() }))
  },

  client () {
    const peer = new PeerRPCClient(link, secure('client'))
    peer.init()
    answer(work => pump(peer, work))
  },

  /** Publishes `perTick` messages a tick, as long as the receivers keep up, `total` in all. */
  publisher () {
    const peer = new PeerPub({}, {})
    peer.init()
    const service = peer.transport('server')
    service.listen(+port)
    answer(async ({ perTick, total, text }) => {
      const started = { time: performance.now(), cpu: cpu() }
      // All are equally fast: one tells for the others.
      const [subscriber] = service.socket.clients
      const behind = () => subscriber.bufferedAmount
      for (let sent = 0; sent < total;) {
        for (let i = 0; i < perTick; i++, sent++) service.pub(text)
        await new Promise(resolve => setImmediate(resolve))
        while (behind() > 1 << 14) await new Promise(resolve => setImmediate(resolve))
      }
      return { seconds: (performance.now() - started.time) / 1000, cpu: cpu() - started.cpu }
    })
  },

  subscribers () {
    const peer = new PeerSub(link, {})
    peer.init()
    let received = 0
    let done
    let expected = Infinity
    peer.on('message', () => {
      if (++received === expected) done()
    })
    peer.on('error', err => process.send({ error: err.message }))
    answer(async ({ subscribe, expect }) => {
      if (subscribe) {
        const connected = new Promise(resolve => {
          let count = 0
          peer.on('connected', () => ++count === subscribe && resolve())
        })
        for (let i = 0; i < subscribe; i++) peer.sub(KEY, {})
        await connected
        return {}
      }
      received = 0
      expected = expect
      const started = performance.now()
      process.send({ waiting: true })
      await new Promise(resolve => { done = resolve })
      return { seconds: (performance.now() - started) / 1000 }
    })
  }
}

ROLES[role]()
