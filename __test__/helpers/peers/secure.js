'use strict'

// Peers with TLS.

const https = require('https')
const { certificates } = require('../../../scripts/lib/certificates')
const { original } = require('../implementations')

/** A server that lets everybody in, unless `secure` says otherwise; `conf` is the rest of its own. */
async function serveSecure (stage, implementation, secure, onRequest, conf) {
  const service = await stage.serve(implementation, onRequest, {
    ...conf,
    secure: { ...certificates().server, verifyClient: info => true, ...secure }
  })
  if (implementation === original) {
    // Its own stop leaves the port open.
    const server = service.socket._server
    stage.after(() => server.close())
  }
  return service
}

/** A client with a certificate, unless `secure` says otherwise. */
function secureClient (stage, implementation, dests, secure) {
  return stage.client(implementation, dests, { secure: { ...certificates().client, ...secure } })
}

/**
 * Asks for an upgrade by hand; resolves with `{ status, message, headers, text }` of an answer
 * that refuses, and with status 101 of one that does not.
 */
function upgrade ({ port }, options) {
  return new Promise((resolve, reject) => {
    const request = https.request({
      ...certificates().client,
      ...options,
      host: '127.0.0.1',
      port,
      agent: false,
      headers: {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': 13,
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
        ...(options && options.headers)
      }
    })
    request.on('error', reject)
    request.on('upgrade', (response, socket) => {
      socket.destroy()
      resolve({ status: response.statusCode, headers: response.headers })
    })
    request.on('response', async response => {
      let text = ''
      for await (const chunk of response.setEncoding('utf8')) text += chunk
      resolve({ status: response.statusCode, message: response.statusMessage, headers: response.headers, text })
    })
    request.end()
  })
}

module.exports = { secureClient, serveSecure, upgrade }
