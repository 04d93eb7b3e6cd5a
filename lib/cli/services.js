'use strict'

// Subcommands that examine services, and one that serves.

const { once } = require('events')
const { count, json, port } = require('./arguments')
const { find, readable } = require('./calls')
const { announce, takeBack } = require('./discovery')
const { PING } = require('../options/defaults')
const { Failure, EXIT, explain, nothingFound, usageError } = require('./failure')
const { TEXT } = require('../errors/errors')

module.exports = [
  {
    name: 'ping',
    args: '<key>',
    help: 'connects to every server of a service, and measures in ms; the service itself notices nothing',
    details: ['It sends WebSocket pings, which are no requests, and prints the fastest.'],
    options: { count: { value: 'n', read: count, default: PING.count, help: 'pings to each server' } },
    async run (session, key) {
      const { client, addresses } = await find(session, key)
      const results = await Promise.all(addresses.map(address => ping(session, client, address)))
      let failed = 0
      for (const { address, connect, ping, error } of results) {
        if (error) {
          failed++
          const text = explain(error)
          session.print({ address, error: text }, `${address}: ${text}`)
        } else {
          session.print({ address, connect, ping }, `${address}: ping ${ping} ms, connected in ${connect} ms`)
        }
      }
      if (failed > 0) throw new Failure(`${failed} of ${results.length} servers did not answer`, EXIT.NO_ANSWER)
    }
  },
  {
    name: 'info',
    args: '<key>',
    help: 'prints what each server of a service tells of itself, such as its stats()',
    details: [
      'A service that does not know of this is not asked. It offers it under a name of its own, info:<key>:',
      "  service.handle('info:my_key', () => server.stats())",
      "  link.startAnnouncing('info:my_key', service.port)"
    ],
    async run (session, key) {
      const name = `info:${key}`
      const { client, addresses } = await find(session, name).catch(err => {
        if (err.message !== TEXT.LOOKUP_EMPTY) throw err
        throw nothingFound(`${key} offers no information: nobody announced ${name}; see: grenache info --help`)
      })
      const infos = await session.answer(done => client.map(name, null, {}, done))
      addresses.forEach((address, at) => {
        const info = infos[at] === undefined ? null : infos[at]
        session.print({ address, info }, () => `${address}: ${readable(info)}`)
      })
    }
  },
  {
    name: 'serve',
    args: '<key> [<port>]',
    help: 'plays a service, until Ctrl-C: it answers each request with its payload, or always the same',
    details: ['Without a port it takes a free one. With --cert, --key and --ca it serves TLS.'],
    options: {
      echo: { help: 'answer with the payload' },
      reply: { value: 'json', read: json, help: 'answer with this' },
      host: { value: 'address', help: 'where to listen: every interface' }
    },
    async run (session, key, text) {
      const { echo, reply, host } = session.options
      if (!echo === (reply === undefined)) throw usageError('serve: --echo or --reply is wanted')
      const number = text === undefined ? 0 : port(text)
      const signal = session.untilSignal()
      const link = session.link({ lasting: true })
      const service = await listen(session, link, number, host)
      let served = 0
      service.on('request', (rid, key, payload, handler) => {
        served++
        handler.reply(null, echo ? payload : reply)
      })
      await announce(session, link, key, service.port, true)
      session.print({ serving: key, port: service.port }, `${key} is served at port ${service.port}`)
      await signal
      await takeBack(session, link, key, service.port)
      await service.stop({ drain: session.options.timeout })
      session.print({ served }, `${served} requests answered`)
    }
  }
]

/** Measures a server: `{ address, connect, ping }` in ms, or `{ address, error }`. */
async function ping (session, client, address) {
  try {
    const transport = client.transport(address)
    const began = performance.now()
    transport.connect()
    const { socket } = transport
    await session.inTime(once(socket, 'open'))
    const connect = performance.now() - began
    let fastest = Infinity
    for (let left = session.options.count; left > 0; left--) {
      const sent = performance.now()
      socket.ping()
      await session.inTime(answered(socket))
      fastest = Math.min(fastest, performance.now() - sent)
    }
    return { address, connect: rounded(connect), ping: rounded(fastest) }
  } catch (error) {
    return { address, error }
  }
}

const rounded = ms => +ms.toFixed(3)

/** The pong, or the close of the connection as an error. */
function answered (socket) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      socket.removeListener('pong', onPong)
      socket.removeListener('close', onClose)
      socket.removeListener('error', onError)
    }
    const onPong = () => { stop(); resolve() }
    const onClose = () => { stop(); reject(new Error(TEXT.TRANSPORT_CLOSE)) }
    const onError = err => { stop(); reject(err) }
    socket.on('pong', onPong).on('close', onClose).on('error', onError)
  })
}

/** Starts a listening server. */
async function listen (session, link, number, host) {
  const PeerRPCServer = require('../PeerRPCServer')
  const secure = session.secure()
  const peer = new PeerRPCServer(link, { host, ...secure && { secure: { ...secure, verifyClient: () => true } } })
  peer.init()
  session.onEnd(() => peer.stop())
  const service = peer.transport('server').listen(number)
  await once(service.socket, 'listening')
  return service
}
