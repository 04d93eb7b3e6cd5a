'use strict'

// Opening handshakes that are odd but legal, written by hand, with and without TLS.

const assert = require('node:assert')
const { createHash } = require('crypto')
const http = require('http')
const https = require('https')
const net = require('net')
const { once } = require('events')
const tls = require('tls')
const { certificates } = require('../../scripts/lib/certificates')
const { each, native } = require('../helpers/conformance')
const { serveSecure } = require('../helpers/peers/secure')

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const acceptOf = key => createHash('sha1').update(key + GUID).digest('base64')

/** A fact with and without TLS. */
function both (title, body) {
  for (const secure of [false, true]) {
    each(`${title}${secure ? ', with TLS' : ''}`, ({ implementation, stage }) => body({ implementation, stage, secure }))
  }
}

function echo (rid, key, payload, handler) {
  handler.reply(null, payload)
}

/** What a service answers to an upgrade with these headers, beside the usual ones. */
async function answer ({ implementation, stage, secure }, headers) {
  const { port } = secure
    ? await serveSecure(stage, implementation, {}, echo)
    : await stage.serve(implementation, echo)
  const socket = secure
    ? tls.connect({ ...certificates().client, host: '127.0.0.1', port })
    : net.connect(port, '127.0.0.1')
  stage.after(() => socket.destroy())
  socket.write([
    'GET /ws HTTP/1.1', `Host: 127.0.0.1:${port}`, 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13',
    ...headers
  ].join('\r\n') + '\r\n\r\n')
  let head = ''
  while (!head.includes('\r\n\r\n')) head += (await once(socket, 'data'))[0].toString('latin1')
  const value = name => (new RegExp(`^${name}: *(.*?)\\r$`, 'im').exec(head) || [])[1]
  return { line: head.split('\r\n')[0], accept: value('Sec-WebSocket-Accept'), protocol: value('Sec-WebSocket-Protocol') }
}

// The last digit of such a key has four bits that belong to no byte.
for (const key of ['dGhlIHNhbXBsZSBub25jZR==', '//////////////////////==', '+++++++++++++++++++++9==']) {
  both(`C400: a server takes the key ${key}`, async context => {
    const { line, accept } = await answer(context, [`Sec-WebSocket-Key: ${key}`])
    assert.strictEqual(line, 'HTTP/1.1 101 Switching Protocols')
    assert.strictEqual(accept, acceptOf(key))
  })
}

for (const key of ['', 'abc', 'dGhlIHNhbXBsZSBub25jZQ=', 'dGhlIHNhbXBsZSBub25jZQ', 'dGhlIHNhbXBsZSBub25j-Q==', 'dGhlIHNhbXBsZSBub25jZQdGhlIHNhbXBsZSBub25jZQ==']) {
  both(`C400: a server refuses the key '${key}'`, async context => {
    assert.strictEqual((await answer(context, [`Sec-WebSocket-Key: ${key}`])).line, 'HTTP/1.1 400 Bad Request')
  })
}

const KEY = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='

for (const [offered, taken] of [['', undefined], [' ', undefined], [',', undefined], ['a, b', 'a'], [', b', undefined]]) {
  both(`C401: of the subprotocols '${offered}' a server takes the first, if there is one`, async context => {
    const { line, protocol } = await answer(context, [KEY, `Sec-WebSocket-Protocol: ${offered}`])
    assert.strictEqual(line, 'HTTP/1.1 101 Switching Protocols')
    assert.strictEqual(protocol, taken)
  })
}

both('C401: a server takes an empty list of extensions', async context => {
  const { line } = await answer(context, [KEY, 'Sec-WebSocket-Extensions:'])
  assert.strictEqual(line, 'HTTP/1.1 101 Switching Protocols')
})

each('C403: a HEAD gets 426, and no body', async ({ implementation, stage }) => {
  // With TLS the original hangs up on it.
  for (const secure of implementation === native ? [false, true] : [false]) {
    const { port } = secure ? await serveSecure(stage, implementation, {}, echo) : await stage.serve(implementation, echo)
    const options = { ...certificates().client, host: '127.0.0.1', port, method: 'HEAD', agent: false }
    const request = (secure ? https : http).request(options).end()
    const [response] = await once(request, 'response')
    assert.strictEqual(response.statusCode, 426)
    await once(response.resume(), 'end')
  }
})

for (const header of ['Sec-WebSocket-Protocol:', 'Sec-WebSocket-Protocol:  ', 'Sec-WebSocket-Extensions:', 'Sec-WebSocket-Extensions:  ']) {
  both(`C402: a client takes an empty '${header}' for none`, async ({ implementation, stage, secure }) => {
    const server = secure ? tls.createServer(certificates().server) : net.createServer()
    // It was let in: only then the client asks.
    const asked = new Promise(resolve => {
      server.on(secure ? 'secureConnection' : 'connection', socket => {
        stage.after(() => socket.destroy())
        socket.on('error', () => {})
        let head = ''
        socket.on('data', bytes => {
          if (head.includes('\r\n\r\n')) return resolve(bytes[0])
          head += bytes.toString('latin1')
          const [, key] = /^sec-websocket-key: *(.*)\r$/im.exec(head) || []
          if (!head.includes('\r\n\r\n')) return
          socket.write([
            'HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade',
            `Sec-WebSocket-Accept: ${acceptOf(key)}`, header
          ].join('\r\n') + '\r\n\r\n')
        })
      })
    })
    stage.after(() => server.close())
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const peer = stage.client(implementation, `127.0.0.1:${server.address().port}`, secure ? { secure: certificates().client } : {})
    peer.request('k', 1, {}, () => {})
    const TEXT_FRAME = 0x81
    assert.strictEqual(await asked, TEXT_FRAME)
  })
}
