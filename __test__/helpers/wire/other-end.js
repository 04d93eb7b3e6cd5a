'use strict'

// The other end of a wire: a server or a client of the `ws` package by itself, for tests that
// look at what comes and say what they like.

const { once } = require('events')
const http = require('http')
const https = require('https')
const Ws = require('ws')

/**
 * A WebSocket server on a free port; `onConnection(socket, request)`.
 * @param {object} [secure] Node's TLS options
 * @returns {Promise<string>} its destination
 */
async function otherServer (stage, onConnection, secure) {
  const server = secure ? https.createServer(secure) : http.createServer()
  const face = new Ws.Server({ server })
  face.on('connection', onConnection)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stage.after(() => {
    for (const socket of face.clients) socket.terminate()
    face.close()
    server.close()
    server.closeAllConnections()
  })
  return `127.0.0.1:${server.address().port}`
}

/** Connects to `url`; resolves with the open socket. */
async function otherClient (stage, url) {
  const socket = new Ws(url)
  stage.after(() => socket.terminate())
  await once(socket, 'open')
  return socket
}

/** Sends a frame; resolves with the next one that comes. */
async function exchange (socket, frame) {
  const answer = once(socket, 'message')
  socket.send(frame)
  return (await answer)[0]
}

module.exports = { exchange, otherClient, otherServer }
