'use strict'

// Which error a request ends with, by what happens to it, in a process that survives what is uncaught:
// prints `{ <what happens>: text }` as JSON. The names are those of the table in docs/MIGRATING.md.

const http = require('http')
const net = require('net')
const { once } = require('events')
const { byName } = require('../implementations')

const { Link, PeerRPCClient, PeerRPCServer } = byName[process.argv[2]]
const TIMEOUT = 100
/** Time for a request that another failure is to end, also on a busy machine. */
const LONG = 2000

const listening = []
let uncaught

process.on('uncaughtException', err => uncaught(err))

/** A port where `onSocket` is asked; its sockets are destroyed in the end. */
async function listen (server) {
  const sockets = new Set()
  server.on('connection', socket => {
    sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  listening.push(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { port: server.address().port, sockets }
}

/** A service that is asked and does what `onRequest` says. */
async function service (onRequest) {
  const peer = new PeerRPCServer({}, {})
  peer.init()
  const transport = peer.transport('server')
  transport.on('request', (rid, key, payload, handler) => onRequest(handler))
  const probe = await listen(net.createServer())
  listening.pop()()
  const { port } = probe
  const { socket } = transport.listen(port)
  await once(socket, 'listening')
  listening.push(() => {
    socket.clients.forEach(one => one.terminate())
    transport.stop()
  })
  return { transport, port }
}

function client (port) {
  const peer = new PeerRPCClient({ lookup: (key, opts, cb) => cb(null, [`127.0.0.1:${port}`]) }, {})
  peer.init()
  listening.push(() => peer.stop())
  return peer
}

function linkTo (url, conf) {
  const link = new Link({ grape: url, ...conf })
  link.start()
  listening.push(() => link.stop())
  return link
}

const grape = onRequest => listen(http.createServer((req, res) => req.resume().on('end', () => onRequest(res))))

/** Looks for expired requests, as the pool does every 10 s. */
function monitor (peer, timeout) {
  setTimeout(() => peer.tpool.monitor(), timeout + 50).unref()
}

const CASES = {
  'a server does not answer in time': async done => {
    const { port } = await service(() => {})
    const peer = client(port)
    peer.request('k', 1, { timeout: TIMEOUT }, done)
    monitor(peer, TIMEOUT)
  },
  'the connection is lost with the request sent': async done => {
    const { port, transport } = await service(() => transport.socket.clients.forEach(socket => socket.terminate()))
    const peer = client(port)
    peer.request('k', 1, { timeout: LONG }, done)
    monitor(peer, LONG)
  },
  'the destination refuses the connection': async done => {
    const { port } = await listen(net.createServer())
    listening.pop()()
    client(port).request('k', 1, { timeout: 5000 }, done)
  },
  'the server hangs up before the connection is open': async done => {
    const { port } = await listen(net.createServer(socket => socket.destroy()))
    client(port).request('k', 1, { timeout: 5000 }, done)
  },
  'the server answers with another status, such as 403': async done => {
    const server = http.createServer()
    server.on('upgrade', (req, socket) => socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'))
    const { port } = await listen(server)
    client(port).request('k', 1, { timeout: 5000 }, done)
  },
  '`stop()` of the peer with the request sent': async done => {
    const { port } = await service(() => peer.stop())
    const peer = client(port)
    peer.request('k', 1, { timeout: 5000 }, done)
  },
  '`stop()` of the peer while the request waits for its connection': async done => {
    const { port } = await listen(net.createServer())
    const peer = client(port)
    peer.request('k', 1, { timeout: 5000 }, done)
    setImmediate(() => peer.stop())
  },
  'a request after `stop()` of the peer': async done => {
    const { port } = await service(handler => handler.reply(null, 'answer'))
    const peer = client(port)
    peer.stop()
    peer.request('k', 1, { timeout: 5000 }, done)
  },
  'the lookup finds nothing': async done => {
    const { port } = await grape(res => res.end('[]'))
    linkTo(`http://127.0.0.1:${port}`).lookup('k', done)
  },
  'the grape does not answer in time': async done => {
    const { port } = await grape(() => {})
    linkTo(`http://127.0.0.1:${port}`, { requestTimeout: TIMEOUT }).lookup('k', { retry: 1 }, done)
  },
  'the grape refuses the connection': async done => {
    const { port } = await listen(net.createServer())
    listening.pop()()
    linkTo(`http://127.0.0.1:${port}`).lookup('k', done)
  },
  '`stop()` of the link with a `put` or announce pending': async done => {
    const { port } = await grape(res => res.end('1'))
    const link = linkTo(`http://127.0.0.1:${port}`)
    link.put({ v: 'a' }, done)
    link.stop()
  },
  '`stop()` of the link while an announce waits to be tried again': async done => {
    let asked = 0
    const { port } = await grape(res => {
      if (asked++ === 0) res.statusCode = 500
      res.end('1')
    })
    const link = linkTo(`http://127.0.0.1:${port}`)
    const interval = () => {
      setImmediate(() => link.stop())
      return 50
    }
    link.announce('k', 1, { retry: { times: 2, interval } }, done)
  },
  'a request after `stop()` of the link': async done => {
    const { port } = await grape(res => res.end('["127.0.0.1:1"]'))
    linkTo(`http://127.0.0.1:${port}`).stop().lookup('k', done)
  },
  '`stop()` of the link with a lookup or `get` pending': async done => {
    const { port } = await grape(res => {
      link.stop()
      res.end('["127.0.0.1:1"]')
    })
    const link = linkTo(`http://127.0.0.1:${port}`)
    link.lookup('k', done)
  }
}

const textOf = err => (err.code || err.message).replace(/ at: .*/, '')

async function all () {
  const texts = {}
  for (const [what, act] of Object.entries(CASES)) {
    texts[what] = await new Promise(resolve => {
      uncaught = err => resolve(`uncaught: ${textOf(err)}`)
      act((err, res) => resolve(err ? textOf(err) : 'the answer'))
    })
    uncaught = () => {}
    for (const end of listening.splice(0)) end()
  }
  console.log(JSON.stringify(texts, null, 1))
}

all()
