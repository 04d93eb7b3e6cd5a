'use strict'

const EventEmitter = require('events')

/** Headers of which Node keeps the first when a client sends several. */
const SINGLE = new Set([
  'age', 'authorization', 'content-length', 'content-type', 'etag', 'expires', 'from', 'host', 'if-modified-since',
  'if-unmodified-since', 'last-modified', 'location', 'max-forwards', 'proxy-authorization', 'referer', 'retry-after',
  'server', 'user-agent'
])

/** A client's upgrade request, like Node's own; `headers` alternates names and values. */
function requestOf ({ url, headers: rawHeaders }, socket) {
  const headers = {}
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]
    const value = rawHeaders[at + 1]
    // A stranger chooses the names: they may equal methods of every object.
    if (!Object.prototype.hasOwnProperty.call(headers, name)) headers[name] = value
    else if (!SINGLE.has(name)) headers[name] = `${headers[name]}${name === 'cookie' ? ';' : ','} ${value}`
  }
  return new UpgradeRequest({ method: 'GET', httpVersion: '1.1', url, headers, rawHeaders, socket, connection: socket })
}

/** The part of Node's `http.IncomingMessage` that an upgrade has: there is no body, and nothing is emitted. */
class UpgradeRequest extends EventEmitter {
  constructor (known) {
    super()
    Object.assign(this, known)
  }

  get client () { return this.socket }
  get httpVersionMajor () { return 1 }
  get httpVersionMinor () { return 1 }
  get upgrade () { return true }
  get complete () { return true }
  get aborted () { return false }
  get destroyed () { return this.socket.destroyed }

  get headersDistinct () {
    const { rawHeaders } = this
    // A stranger chooses the names.
    const distinct = Object.create(null)
    for (let at = 0; at < rawHeaders.length; at += 2) (distinct[rawHeaders[at]] ||= []).push(rawHeaders[at + 1])
    return distinct
  }
}

module.exports = { requestOf }
