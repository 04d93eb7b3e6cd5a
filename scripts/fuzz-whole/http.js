'use strict'

// HTTP/1.1 as texts: heads of opening handshakes, requests to a grape's API, responses of one.

const json = require('./json')

const LINE = '\r\n'

/** Placeholder for the value of `Sec-WebSocket-Accept`, with the same length. */
const ACCEPT = 'AcceptAcceptAcceptAcceptAcce'
const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='

const METHODS = ['GET', 'POST', 'HEAD', 'PUT', 'OPTIONS', 'CONNECT', 'TRACE', 'get', 'PRI', 'G\0T', 'A'.repeat(5000), '']
const VERSIONS = ['HTTP/1.1', 'HTTP/1.0', 'HTTP/0.9', 'HTTP/2.0', 'http/1.1', 'HTTP/1.1 ', 'HTTP', '']
const PATHS = ['/', '/ws', '', '*', '/%00', '/%', '//', '/../..', 'http://x/', `/${'a'.repeat(9000)}`, '/?a=b', '/\u00e4', '/ws#x']
const VALUES = ['', ' ', 'a', '0', '-1', ',', ';', '"', '\0', '\t', '\x7f', '\u00e4', 'x'.repeat(300), 'y'.repeat(9000), 'a\n b', '13, 8', 'websocket, h2c']
const ORIGINS = ['null', 'http://localhost', '', '*', 'http://', '://', 'http://[::1', 'x'.repeat(5000), '\u00ff', 'about:blank']

/** Names of headers that servers and clients read. */
const HEADERS = [
  'Host', 'Connection', 'Upgrade', 'Sec-WebSocket-Key', 'Sec-WebSocket-Version', 'Sec-WebSocket-Protocol', 'Sec-WebSocket-Extensions',
  'Sec-WebSocket-Accept', 'Origin', 'Content-Length', 'Transfer-Encoding', 'Content-Type', 'Content-Encoding', 'Expect', 'Cookie', 'Set-Cookie',
  'Location', 'Trailer', 'Range', 'Authorization', 'Proxy-Authenticate', 'WWW-Authenticate', 'Keep-Alive', 'TE', '__proto__', 'constructor', 'X'
]

const header = random => [random.pick(HEADERS), random.once(8) ? json.scalar(random) : random.pick(VALUES)]

/** Lines of a head with one error, possibly including its end. */
function oddHead (random, first, headers) {
  headers = headers.map(pair => [...pair])
  const at = random.below(headers.length)
  const separator = random.weighted([[20, ': '], [1, ':'], [1, ' : '], [1, ''], [1, '=']])
  let line = LINE
  let end = LINE
  random.pick([
    () => headers.splice(at, 1),
    () => { headers[at][1] = random.pick(VALUES) },
    () => { headers[at][0] = random.pick([headers[at][0].toLowerCase(), ` ${headers[at][0]}`, '', '\0', 'a b', 'z'.repeat(5000)]) },
    () => headers.push(headers[at]),
    () => headers.push([headers[at][0], random.pick(VALUES)]),
    () => headers.push(['Origin', random.pick(ORIGINS)]),
    () => headers.push(header(random)),
    () => { for (let left = random.pick([20, 99, 124, 125, 200, 2000]); left > 0; left--) headers.push([`X-${left}`, 'a']) },
    () => headers.push(['X', 'y'.repeat(random.pick([1000, 8000, 16000, 17000, 65536, 300000]))]),
    () => { line = random.pick(['\n', '\r', '\r\r\n', '\n\r', '\0\r\n']) },
    () => { end = random.pick(['', '\n', '\r', '\r\n\r\n', '\r\nxyz']) },
    () => { first = first.replace(/[^ ]+$/, random.pick(VERSIONS)) },
    () => { first = first.replace(/^[^ ]*/, random.pick(METHODS)) },
    () => { first = first.replace(/ [^ ]* /, ` ${random.pick(PATHS)} `) },
    () => { first = random.pick(['', ' ', '\r\n', '\0'.repeat(20), '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03', 'PRI * HTTP/2.0\r\n\r\nSM', 'x'.repeat(100000)]) }
  ])()
  return [first, ...headers.map(([name, value]) => name + separator + value)].join(line) + line + end
}

const headOf = (first, headers) => [first, ...headers.map(pair => pair.join(': '))].join(LINE) + LINE + LINE

/** The head of a valid opening handshake. */
function upgrade () {
  return headOf('GET /ws HTTP/1.1', upgradeHeaders())
}

const upgradeHeaders = () => [
  ['Host', '127.0.0.1'], ['Upgrade', 'websocket'], ['Connection', 'Upgrade'], ['Sec-WebSocket-Key', KEY], ['Sec-WebSocket-Version', '13']
]

function oddUpgrade (random) {
  return oddHead(random, 'GET /ws HTTP/1.1', upgradeHeaders())
}

/** The valid response to an opening handshake. */
function accept () {
  return headOf('HTTP/1.1 101 Switching Protocols', acceptHeaders())
}

const acceptHeaders = () => [['Upgrade', 'websocket'], ['Connection', 'Upgrade'], ['Sec-WebSocket-Accept', ACCEPT]]

/** The same with an error, or another response. */
function oddAccept (random) {
  if (random.once(2)) return oddHead(random, 'HTTP/1.1 101 Switching Protocols', acceptHeaders())
  return answer(random, json.bytes(random, json.value(random))).toString('latin1')
}

/** A request to a grape's API; `body` as bytes. */
function apiRequest (random, body) {
  const type = random.weighted([[12, random.pick(['lookup', 'announce', 'unannounce', 'put', 'get'])], [2, random.pick(['', 'status', 'metrics', 'watch', 'lookup/', '%6cookup', 'lookup?x', '__proto__'])]])
  const method = random.weighted([[12, 'POST'], [3, 'GET'], [1, random.pick(METHODS)]])
  const headers = [['Host', '127.0.0.1'], ['Content-Type', 'application/json']]
  return withBody(random, `${method} /${type} HTTP/1.1`, headers, body)
}

const STATUSES = [100, 101, 102, 103, 199, 200, 201, 204, 205, 206, 301, 302, 303, 304, 307, 308, 400, 401, 404, 407, 408, 413, 417, 421, 425, 426, 429, 431, 500, 502, 503, 511, 599]

/** A server's response with these bytes as its body, rarely after informational ones. */
function answer (random, body) {
  const status = random.weighted([[4, 200], [3, 500], [4, random.pick(STATUSES)], [1, random.pick(['000', '099', '600', '999', '1000', '2e2', '-1', ''])]])
  const reason = random.pick(['OK', '', 'x'.repeat(300), '\u00e4', 'a\tb'])
  const before = random.once(10) ? 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(random.pick([1, 3, 200])) : ''
  const headers = [['Content-Type', random.pick(['application/json', 'text/plain', 'text/html; charset=utf-16', ''])]]
  if (random.once(5)) headers.push(['Connection', random.pick(['close', 'keep-alive', 'upgrade', ''])])
  if (random.once(5)) headers.push(header(random))
  if (random.once(12)) headers.push(['Location', random.pick(PATHS)])
  if (random.once(12)) headers.push(['Content-Encoding', random.pick(['gzip', 'br', 'deflate'])])
  return Buffer.concat([Buffer.from(before), withBody(random, `HTTP/1.1 ${status} ${reason}`, headers, body)])
}

/** A head and a body, whose length is declared in any way. */
function withBody (random, first, headers, body) {
  const made = (headers, body) => Buffer.concat([
    Buffer.from(random.once(6) ? oddHead(random, first, headers) : headOf(first, headers), 'latin1'), body
  ])
  const sized = length => made([...headers, ['Content-Length', length]], body)
  return random.weighted([
    [12, () => sized(body.length)],
    [3, () => made([...headers, ['Transfer-Encoding', 'chunked']], chunked(random, body))],
    [1, () => sized(body.length + random.between(1, 100))],
    [1, () => sized(Math.max(0, body.length - random.between(1, 100)))],
    [1, () => sized(random.pick(['-1', '1e3', '0x10', '99999999999999999999', '18446744073709551616', '', '+5', '5, 5', '5\r\nContent-Length: 6']))],
    [1, () => made([...headers, ['Content-Length', body.length], ['Transfer-Encoding', random.pick(['chunked', 'identity', 'gzip, chunked', 'xchunked'])]], body)],
    [1, () => made(headers, body)]
  ])()
}

function chunked (random, body) {
  const parts = []
  const size = random.once(3) ? 1 + random.size(100) : Math.max(1, body.length)
  // Many thousand chunks test no more than some.
  for (let at = 0; at < body.length && parts.length < 3000; at += size) {
    const part = body.subarray(at, at + size)
    parts.push(Buffer.from(part.length.toString(16) + random.weighted([[20, ''], [1, ';x=y'], [1, `;${'e'.repeat(5000)}`], [1, ' ']]) + LINE), part, Buffer.from(LINE))
  }
  parts.push(Buffer.from(random.weighted([
    [10, '0\r\n\r\n'], [1, '0\r\nX: y\r\n\r\n'], [1, ''], [1, 'ffffffffffffffff\r\nx'], [1, 'fffffffffffffffff\r\nx'], [1, '-1\r\n\r\n'], [1, '\r\n'], [1, `0\r\n${'X: y\r\n'.repeat(3000)}\r\n`]
  ])))
  return Buffer.concat(parts)
}

module.exports = { ACCEPT, KEY, accept, answer, apiRequest, oddAccept, oddUpgrade, upgrade }
