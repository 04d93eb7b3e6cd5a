'use strict'

// A process with a server for each way in which a service can take requests, with a client, or with a link:
// values-peer.js '{"role": "server"}'.

const diagnostics = require('diagnostics_channel')
const { Worker, isMainThread, parentPort } = require('worker_threads')
const { native } = require('../implementations')

const what = JSON.parse(process.argv[2])
const conf = { ...what.conf, secure: what.secure }
for (const name of ['key', 'cert', 'ca']) {
  if (conf.secure) conf.secure[name] = Buffer.from(conf.secure[name], 'base64')
}
if (conf.secure && what.role === 'server') conf.secure.verifyClient = () => true

const send = message => isMainThread ? process.send(message) : parentPort.postMessage(message)
const tell = (event, value) => send({ event, value })

if (what.watched) {
  for (const name of ['start', 'end', 'error']) diagnostics.subscribe(`grenache:request:${name}`, () => {})
}

/** A class whose hook is replaced, so that its requests take the way by the socket object. */
const hooked = Class => class extends Class {
  parse (data) {
    return super.parse(data)
  }
}

const echo = (rid, key, payload, handler) => handler.reply(null, payload)

/** More levels than any stack has room for. */
const wrap = value => {
  for (let level = 0; level < 50000; level++) value = [value]
  return value
}

/** Fails with what came in, as services do. */
const FAILURES = {
  text: payload => { throw payload }, // eslint-disable-line no-throw-literal
  message: payload => { throw Object.assign(new Error('text'), { message: payload }) },
  name: payload => { throw Object.assign(new Error(''), { name: payload }) },
  getter: () => { throw Object.defineProperty(new Error('text'), 'message', { get () { throw new Error('never') } }) },
  late: payload => Promise.reject(payload)
}

/** Ways to serve, each of them an echo but the last ones. */
const WAYS = {
  request: service => service.on('request', echo),
  handle: service => service.handle('key', payload => payload),
  unknown: service => service.handle('other', payload => payload),
  hooked: service => service.on('request', echo),
  raw: service => {
    service.on('request', echo)
    service.socket.on('connection', socket => socket.on('message', () => {}))
  },
  wraps: service => service.on('request', (rid, key, payload, handler) => handler.reply(null, wrap(payload))),
  wrapsHooked: service => service.on('request', (rid, key, payload, handler) => handler.reply(null, wrap(payload))),
  fails: service => {
    for (const [name, fail] of Object.entries(FAILURES)) service.handle(name, fail)
  },
  replies: service => service.on('request', (rid, key, payload, handler) => handler.reply({ message: payload }, payload))
}

function server () {
  const ports = {}
  const errors = {}
  for (const [way, serve] of Object.entries(WAYS)) {
    const peer = new native.PeerRPCServer({}, conf)
    if (/hooked/i.test(way)) peer.getTransportClass = () => hooked(native.TransportRPCServer)
    peer.init()
    const service = peer.transport('server').listen(0)
    errors[way] = 0
    service.on('request-error', () => errors[way]++)
    serve(service)
    ports[way] = new Promise(resolve => service.socket.on('listening', () => resolve(service.socket.address().port)))
  }
  Promise.all(Object.values(ports)).then(values => {
    tell('listening', Object.fromEntries(Object.keys(ports).map((way, at) => [way, values[at]])))
  })
  return { errors: () => errors }
}

function client () {
  const peers = {}
  for (const way of ['request', 'hooked']) {
    const link = { lookup: (key, opts, cb) => cb(null, [].concat(what.dest)) }
    const peer = new native.PeerRPCClient(link, conf)
    if (way === 'hooked') peer.getTransportClass = () => hooked(native.TransportRPCClient)
    peer.init()
    peers[way] = peer
  }
  tell('listening', 0)
  return {
    request: (way, payload, timeout) => new Promise(resolve => {
      peers[way].request('key', payload, { timeout }, (err, res) => {
        resolve(err ? { err: err.message.slice(0, 200), type: typeof err.message } : { res: JSON.stringify(res).slice(0, 200) })
      })
    })
  }
}

function link () {
  const links = new Map()
  const linkTo = grape => {
    if (!links.has(grape)) links.set(grape, new native.Link({ grape, tls: { rejectUnauthorized: false } }).start())
    return links.get(grape)
  }
  const outcome = (err, res) => {
    if (err) return { err: err.message.slice(0, 200), code: err.code }
    return { res: JSON.stringify(res).slice(0, 200), length: res && res.length }
  }
  tell('listening', 0)
  return {
    call: (grape, method, ...args) => new Promise(resolve => {
      linkTo(grape)[method](...args, { retry: 1 }, (err, res) => resolve(outcome(err, res)))
    }),
    /** Asks every server that a grape names. */
    map: grape => new Promise(resolve => {
      const peer = new native.PeerRPCClient(linkTo(grape), {})
      peer.init()
      peer.map('key', 1, { timeout: 3000 }, (err, res) => {
        peer.stop()
        resolve(outcome(err, res))
      })
    })
  }
}

/** With `stack`, its MiB, all of it is in a worker thread. */
function work () {
  const methods = { server, client, link }[what.role]()
  const hear = async ({ id, method, args }) => send({ id, value: await methods[method](...args) })
  if (isMainThread) process.on('message', hear)
  else parentPort.on('message', hear)
}

if (what.stack && isMainThread) {
  const worker = new Worker(__filename, { argv: [process.argv[2]], resourceLimits: { stackSizeMb: what.stack } })
  worker.on('message', message => process.send(message))
  process.on('message', message => worker.postMessage(message))
} else {
  work()
}
if (isMainThread) process.on('disconnect', () => process.exit())
