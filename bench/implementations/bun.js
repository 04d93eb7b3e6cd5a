'use strict'

// Bun's built-in WebSocket server, with the same frames.

/* global Bun */

function serve ({ port }) {
  Bun.serve({
    port,
    fetch: (request, server) => server.upgrade(request) ? undefined : new Response('', { status: 400 }),
    websocket: {
      perMessageDeflate: false,
      message (socket, text) {
        const [rid, , payload] = JSON.parse(text)
        socket.send(JSON.stringify([rid, null, payload]))
      }
    }
  })
}

module.exports = { serve }
