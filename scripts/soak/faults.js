'use strict'

// Faults of a bad network: bytes that are no frames, handshakes that never end, and a proxy that
// delays, cuts and resets.

const { randomBytes } = require('crypto')
const http = require('http')
const net = require('net')
const { frame, rawClient } = require('../lib/frames')
const { Proxy } = require('../lib/faulty-proxy')
const { act, breach, count, repeat, wait, what } = require('./actor')

const TEXT = 1
const PING = 9
const masked = { masked: true }
const some = list => list[Math.floor(Math.random() * list.length)]

/** A server must only close the connection; the close code gives the reason. */
const MALFORMED = [
  [1002, () => frame(TEXT, '["r","k",1]')],
  [1002, () => frame(3, 'x', masked)],
  [1002, () => frame(TEXT, '1', { ...masked, reserved: 0x40 })],
  [1002, () => frame(PING, 'x'.repeat(126), masked)],
  [1002, () => frame(0, 'x', masked)],
  [1007, () => frame(TEXT, Buffer.from([0x22, 0xc3, 0x28, 0x22]), masked)],
  [1009, () => frame(TEXT, '', { ...masked, length: 2 ** 40 })]
]

/** Useless but valid frames: the server must go on and reply to the request after them. */
const USELESS = [
  () => frame(TEXT, '', masked),
  () => frame(TEXT, '{"rid":', masked),
  () => frame(TEXT, '[[[['.repeat(1000), masked),
  () => frame(TEXT, 'null', masked),
  () => frame(2, randomBytes(100), masked),
  () => frame(PING, 'x', masked)
]

/** Ends with the round it belongs to. */
async function staged (body) {
  const cleanups = []
  await body({ after: cleanup => cleanups.push(cleanup) })
  for (const cleanup of cleanups) cleanup()
}

const malformed = port => staged(async stage => {
  const raw = await rawClient(stage, port)
  const [code, bytes] = some(MALFORMED)
  raw.send(bytes())
  const ended = await raw.ended
  count('malformed')
  // A connection with much in flight may end without a close frame.
  if (ended.code === 1006) count('malformed, no code')
  else if (ended.code !== code) breach(`close code ${ended.code} instead of ${code}`)
})

const useless = port => staged(async stage => {
  const raw = await rawClient(stage, port)
  raw.send(some(USELESS)(), frame(TEXT, '["r","k",1]', masked))
  for (;;) {
    const { opcode, text } = await raw.next()
    if (opcode !== TEXT || !text.startsWith('["r"')) continue
    if (text !== '["r",null,1]') breach(`an answer ${text}`)
    break
  }
  count('useless')
})

const cut = port => staged(async stage => {
  const raw = await rawClient(stage, port)
  raw.send(frame(TEXT, '["r","k",1]', masked).subarray(0, 1 + Math.floor(Math.random() * 16)))
  raw.socket.resetAndDestroy()
  count('cut')
})

async function halfOpen (port) {
  const sockets = Array.from({ length: 20 }, (_, at) => {
    const socket = net.connect(port, '127.0.0.1').on('error', () => {}).resume()
    if (at % 2) socket.write('GET / HTTP/1.1\r\nHost: x\r\n')
    if (at % 5 === 0) socket.write(randomBytes(100))
    return socket
  })
  await wait(1000)
  for (const socket of sockets) socket.destroy()
  count('half-open', sockets.length)
}

const plainHttp = port => new Promise(resolve => {
  http.get({ port, host: '127.0.0.1', agent: false }, response => response.resume().on('close', resolve)).on('error', resolve)
}).then(() => count('http'))

const TREATS = [Proxy.pass, Proxy.delay(10), Proxy.split, Proxy.resets(20), Proxy.pass]
const stops = []

async function main () {
  const proxy = await Proxy.start({ after: stop => stops.push(stop) }, what.port)
  const all = [what.port, ...what.others]
  const loops = [
    repeat(10, () => malformed(some(all))),
    repeat(10, () => useless(what.port)),
    repeat(20, () => cut(some(all))),
    repeat(50, () => halfOpen(some(all))),
    repeat(100, () => plainHttp(some(all))),
    repeat(500, async () => {
      proxy.treat = some(TREATS)
      if (Math.random() < 0.3) proxy.reset()
      count('treats')
    })
  ]
  act({ dest: proxy.dest }, async () => {
    await Promise.all(loops)
    count('proxied connections', proxy.count)
    for (const stop of stops) stop()
  })
}

main()
