'use strict'

// A server or a publisher in a process of its own whose door strangers knock at:
// door-peer.js '{"role": "server", ...}'. `conf` is the peer's; `verify` says that it asks VERIFIERS
// about each client, `origins` names one of ORIGINS.

const fs = require('fs')
const { native } = require('../implementations')

const { role, port, secure, verify, origins, conf } = JSON.parse(process.argv[2])

const tell = (event, value) => process.send({ event, value })

/** What `conf.origins` may be besides JSON. */
const ORIGINS = {
  function: (origin, info) => origin === 'https://ours.example' && info.origin === origin,
  promise: async origin => origin === 'https://ours.example',
  throwing: () => { throw new Error('origins threw') }
}

const asked = []
/** Sockets of those that are closed by now. */
let closed = 0

/** By the path that a client asks for. */
const VERIFIERS = {
  '/no': (info, decide) => decide(false, 418, 'teapot', { 'X-Own': 'own' }),
  '/never': () => {},
  '/later': (info, decide) => setTimeout(decide, 20, true),
  '/throw': () => { throw new Error('verifyClient threw') },
  '/throw-null': () => { throw null }, // eslint-disable-line no-throw-literal
  '/yes-and-throw': (info, decide) => {
    decide(true)
    throw new Error('verifyClient threw')
  },
  '/twice': (info, decide) => {
    decide(false)
    decide(true)
  },
  '/reject': async () => { throw new Error('verifyClient rejected') }
}

function verifier () {
  if (verify === 'one') return info => info.req.url === '/yes'
  if (verify === 'promise') {
    return async info => {
      if (info.req.url === '/throw') throw new Error('verifyClient rejected')
      return info.req.url === '/yes'
    }
  }
  return (info, decide) => {
    const { headers, url, socket } = info.req
    asked.push({ keys: Object.keys(info), origin: info.origin, secure: info.secure, url, own: headers['x-own'], address: socket.remoteAddress })
    info.req.seen = true
    socket.once('close', () => closed++)
    if (url === '/timeout') socket.setTimeout(5, () => {})
    return (VERIFIERS[url] || ((info, decide) => decide(true)))(info, decide)
  }
}

if (secure) {
  for (const name of ['key', 'cert', 'ca']) secure[name] = Buffer.from(secure[name], 'base64')
  secure.verifyClient = verify ? verifier() : () => true
  secure.rejectUnauthorized = false
  conf.secure = secure
} else if (verify) {
  conf.verifyClient = verifier()
}
if (origins) conf.origins = ORIGINS[origins] || JSON.parse(origins)

const warnings = []
process.on('warning', warning => warnings.push(`${warning.name} ${warning.code}`))

const Peer = role === 'publisher' ? native.PeerPub : native.PeerRPCServer
const peer = new Peer({}, conf)
peer.init()
const service = peer.transport('server')
if (role !== 'publisher') service.on('request', (rid, key, payload, handler) => handler.reply(null, payload))
service.listen(port)
const seen = []
service.socket.on('connection', (socket, req) => seen.push(req.seen === true))
const listening = () => tell('listening', service.socket.address().port)
if (service.socket.address()) listening()
else service.socket.once('listening', listening)

const methods = {
  asked: () => asked,
  /** Does nothing else until there is a file of that name. */
  block: file => { setImmediate(() => { while (!fs.existsSync(file)); }) },
  closed: () => closed,
  connections: () => service.socket.clients.size,
  seen: () => seen,
  stop: drain => { peer.stop(drain === undefined ? undefined : { drain }) },
  warnings: () => warnings,
  usage: () => ({
    rss: process.memoryUsage().rss,
    cpu: process.cpuUsage().user + process.cpuUsage().system,
    descriptors: fs.readdirSync('/proc/self/fd').length
  })
}
process.on('message', async ({ id, method, args }) => process.send({ id, value: await methods[method](...args) }))
process.on('disconnect', () => process.exit())
