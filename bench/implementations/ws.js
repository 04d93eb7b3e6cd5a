'use strict'

// Plain `ws` 8 with the same frames, written by hand: no names, no time limits.

const fs = require('fs')
const https = require('https')
const { once } = require('events')
const WebSocket = require('ws')

/** As many as a client of ours opens to one server. */
const CONNECTIONS = 3

const read = (folder, name) => fs.readFileSync(`${folder}/${name}.pem`)

async function listen ({ port, certificates }) {
  if (!certificates) return new WebSocket.Server({ port, perMessageDeflate: false })
  const server = https.createServer({
    key: read(certificates, 'server-key'),
    cert: read(certificates, 'server'),
    ca: read(certificates, 'authority'),
    requestCert: true,
    rejectUnauthorized: false
  })
  await once(server.listen(port), 'listening')
  return new WebSocket.Server({ server, perMessageDeflate: false })
}

async function open ({ port, certificates }) {
  const socket = certificates
    ? new WebSocket(`wss://127.0.0.1:${port}`, {
      key: read(certificates, 'client-key'),
      cert: read(certificates, 'client'),
      rejectUnauthorized: false,
      perMessageDeflate: false
    })
    : new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false })
  // The server may not be listening yet.
  const failed = await new Promise(resolve => socket.once('open', () => resolve(false)).once('error', () => resolve(true)))
  return failed ? open({ port, certificates }) : socket
}

async function serve (what) {
  const server = await listen(what)
  server.on('connection', socket => socket.on('message', data => {
    const [rid, , payload] = JSON.parse(data)
    socket.send(JSON.stringify([rid, null, payload]))
  }))
}

async function connect (what) {
  const waiting = new Map()
  const sockets = []
  for (let i = 0; i < CONNECTIONS; i++) {
    const socket = await open(what)
    socket.on('message', data => {
      const [rid, err, result] = JSON.parse(data)
      const cb = waiting.get(rid)
      waiting.delete(rid)
      cb(err, result)
    })
    sockets.push(socket)
  }
  let last = 0
  return (payload, cb) => {
    const rid = ++last
    waiting.set(rid, cb)
    sockets[rid % CONNECTIONS].send(JSON.stringify([rid, 'bench', payload]))
  }
}

async function publisher (what) {
  const { clients } = await listen(what)
  let subscriber
  return {
    publish (text) {
      for (const client of clients) client.send(text)
    },
    behind () {
      if (!subscriber) [subscriber] = clients
      return subscriber.bufferedAmount
    }
  }
}

async function subscribe (what, count, onMessage) {
  for (let i = 0; i < count; i++) (await open(what)).on('message', onMessage)
}

module.exports = { connect, publisher, serve, subscribe }
