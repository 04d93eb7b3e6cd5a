'use strict'

// One process of a measurement, told by its parent what to be: see index.js.

const [implementation, role, dest] = process.argv.slice(2)

const { PeerRPCClient, PeerRPCServer, Link } = implementation === 'original'
  ? { ...require('grenache-nodejs-ws'), Link: require('grenache-nodejs-link') }
  : require('..')

const KEY = 'bench'
const TIMEOUT = 60000

function cpu () {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Keeps `inFlight` requests under way until `total` are answered. */
function pump (peer, inFlight, total, payload) {
  // Taking the time costs as much as half a request: of many in flight a few tell enough.
  const every = inFlight === 1 ? 1 : 16
  const latencies = new Float64Array(Math.ceil(total / every))
  let sent = 0
  let answered = 0
  const started = { time: process.hrtime.bigint(), cpu: cpu() }
  return new Promise((resolve, reject) => {
    const send = () => {
      const sample = sent % every === 0 ? sent / every : -1
      const at = sample < 0 ? 0 : performance.now()
      sent++
      peer.request(KEY, payload, { timeout: TIMEOUT }, (err, res) => {
        if (err) return reject(err)
        if (sample >= 0) latencies[sample] = (performance.now() - at) * 1000
        if (++answered === total) {
          latencies.sort()
          return resolve({
            seconds: Number(process.hrtime.bigint() - started.time) / 1e9,
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

function serve () {
  const peer = new PeerRPCServer({}, {})
  peer.init()
  const service = peer.transport('server')
  service.on('request', (rid, key, payload, handler) => handler.reply(null, payload))
  service.listen(+dest)
  process.on('message', () => process.send({ cpu: cpu() }))
  const announce = done => done()
  announce(() => process.send({ ready: true }))
}

/** A link that knows the answer, or a real one when a grape is named. */
function link () {
  if (!dest.startsWith('http')) return { lookup: (key, opts, cb) => cb(null, [dest]) }
  return new Link({ grape: dest }).start()
}

function call () {
  const peer = new PeerRPCClient(link(), {})
  peer.init()
  process.on('message', ({ inFlight, total, payload }) => {
    pump(peer, inFlight, total, payload).then(
      result => process.send({ result }),
      err => process.send({ error: err.message })
    )
  })
  process.send({ ready: true })
}

if (role === 'server') serve()
else call()
