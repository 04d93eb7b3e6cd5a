'use strict'

// Datagrams of the discovery network, written by hand, and sockets that send and answer them.

const dgram = require('dgram')
const { once } = require('events')

/** Bencode of byte strings, numbers, arrays and objects. */
function bencode (value) {
  if (typeof value === 'string') value = Buffer.from(value, 'latin1')
  if (Buffer.isBuffer(value)) return Buffer.concat([Buffer.from(`${value.length}:`), value])
  if (typeof value === 'number') return Buffer.from(`i${value}e`)
  const parts = Array.isArray(value)
    ? value.map(bencode)
    : Object.keys(value).sort().flatMap(key => [bencode(key), bencode(value[key])])
  return Buffer.concat([Buffer.from(Array.isArray(value) ? 'l' : 'd'), ...parts, Buffer.from('e')])
}

const query = (q, a, t = 'xx') => bencode({ a, q, t, y: 'q' })
const response = (r, t) => bencode({ r, t, y: 'r' })

/** What a query of ours asks: `{ q, t }`; `q` is undefined in what is no query. */
function read (datagram) {
  const text = datagram.toString('latin1')
  const [, q] = /1:q\d+:([a-z_]+)1:t/.exec(text) || []
  const at = text.lastIndexOf('1:t4:') + 5
  return { q, t: datagram.subarray(at, at + 4), text }
}

/** 20 bytes that begin with `text`. */
const idOf = text => Buffer.alloc(20, 0).fill(text, 0, text.length)

/** A node in `nodes`. */
function compact (id, port) {
  return Buffer.concat([id, Buffer.from([127, 0, 0, 1, port >> 8, port & 255])])
}

/** A UDP socket that is closed after the test; `socket.to(port, bytes)` sends. */
async function socket (stage) {
  const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1')
  stage.after(() => new Promise(resolve => socket.close(resolve)))
  await once(socket, 'listening')
  socket.to = (port, bytes) => socket.send(bytes, port, '127.0.0.1')
  socket.port = socket.address().port
  return socket
}

/**
 * A node that answers each query with what `respond(q, t)` says, beside its `id`; resolves once the
 * grape at UDP `port` knows it.
 */
async function node (stage, port, id, respond) {
  const own = await socket(stage)
  const known = new Promise(resolve => own.on('message', (datagram, from) => {
    const { q, t } = read(datagram)
    if (q === undefined) return
    own.to(from.port, response({ id, ...respond(q, t) }, t))
    if (q === 'ping') resolve()
  }))
  own.to(port, query('ping', { id }))
  await known
  return own
}

module.exports = { bencode, compact, idOf, node, query, read, response, socket }
