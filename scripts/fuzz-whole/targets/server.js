'use strict'

// Servers: one for each way of serving. `watched`: with all observability features.

const { AsyncLocalStorage } = require('async_hooks')
const { channel } = require('diagnostics_channel')
const { begin, count, loaded, secureOf, what } = require('./target')

const { PeerRPCServer, TransportRPCServer } = loaded

const BIG = 'b'.repeat(64 * 1024)
const HUGE = 'h'.repeat(1024 * 1024)

const link = { lookup: (key, opts, cb) => cb(null, []) }

/** A service that replies with the payload. */
function echo (rid, key, payload, handler) {
  count('requests')
  if (process.env.FUZZ_WEAK && typeof payload !== 'number') throw new Error('weak at this')
  switch (key) {
    case 'big': return handler.reply(null, BIG)
    case 'huge': return handler.reply(null, HUGE)
    case 'error': return handler.reply(new Error('refused'), payload)
    // Passes on an error of another peer.
    case 'pass': return handler.reply(payload, payload)
    default: handler.reply(null, payload)
  }
}

function handlers (service) {
  service.handle('sync', payload => { count('handled'); return payload })
  service.handle('async', async payload => { await null; return payload })
  service.handle('throw', payload => { throw new Error(`not this: ${typeof payload === 'string' ? payload : JSON.stringify(payload)}`) })
  service.handle('error', async payload => { throw payload })
  service.handle('signal', (payload, { signal }) => new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
    if (payload !== null) resolve(payload)
  }))
  service.handle('big', () => BIG)
  service.handle('huge', () => HUGE)
  service.handle('pass', payload => payload.message)
}

/** Hooks replaced as services do it. */
class ReplacedTransport extends TransportRPCServer {
  parse (data) {
    count('parsed')
    return super.parse(data)
  }

  handleRequest (handler, data, meta) {
    super.handleRequest(handler, data, meta)
  }
}

class ReplacedServer extends PeerRPCServer {
  getTransportClass () {
    return ReplacedTransport
  }
}

/** A service that checks the origin of its callers. */
function verifyClient ({ origin, req }) {
  count('verified')
  return origin === undefined || new URL(origin).protocol === 'http:' || req.url !== '/'
}

const peers = []

/** Lower than the defaults, which would exceed a target's memory limit. */
const BOUNDS = { memoryBudget: 64 * 1024 * 1024, maxPayload: 16 * 1024 * 1024 }

function serve (conf, Peer = PeerRPCServer) {
  const peer = new Peer(link, { ...BOUNDS, ...conf })
  peer.init()
  peers.push(peer)
  const service = peer.transport('server')
  service.on('request-error', () => count('request-errors'))
  return service.listen(0)
}

const small = {
  maxPayload: 64 * 1024,
  maxConnections: 64,
  maxConnectionRequests: 100,
  highWater: 1024 * 1024,
  heartbeatInterval: 1000,
  handshakeTimeout: 1000
}
const services = {
  echo: serve({}),
  handlers: serve({}),
  replaced: serve({}, ReplacedServer),
  small: serve(small),
  tls: serve({ secure: { ...secureOf(what.secure), verifyClient } })
}
for (const [name, service] of Object.entries(services)) {
  if (name === 'handlers') handlers(service)
  else service.on('request', echo)
}

if (what.watched) {
  for (const name of ['request:start', 'request:end', 'request:error', 'connection:open', 'connection:close']) {
    channel(`grenache:${name}`).subscribe(() => count(name))
  }
  new AsyncLocalStorage().run({}, () => {})
  services.echo.socket.on('connection', socket => {
    socket.on('message', () => count('raw messages'))
    socket.on('ping', () => count('raw pings'))
    socket.on('close', () => count('raw closes'))
  })
}

const connected = () => Object.values(services).reduce((sum, service) => sum + service.socket.clients.size, 0)

// With TLS, the port that the system chooses is known later.
services.tls.socket.once('listening', () => {
  begin(Object.fromEntries(Object.entries(services).map(([name, { socket }]) => [name, socket.address().port])), {
    isQuiet: () => connected() <= what.witnesses,
    stop: () => { for (const peer of peers) peer.stop() }
  })
})
