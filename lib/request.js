'use strict'

/** What Node takes the first of, where a client sends several. */
const SINGLE = new Set([
  'age', 'authorization', 'content-length', 'content-type', 'etag', 'expires', 'from', 'host', 'if-modified-since',
  'if-unmodified-since', 'last-modified', 'location', 'max-forwards', 'proxy-authorization', 'referer', 'retry-after',
  'server', 'user-agent'
])

/** What is known of a client's upgrade request, like Node's own; `headers` are names and values in turn. */
function requestOf ({ url, headers: rawHeaders }, socket) {
  const headers = {}
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]
    const value = rawHeaders[at + 1]
    // Names are a stranger's: they may be those of an object's own methods.
    if (!Object.prototype.hasOwnProperty.call(headers, name)) headers[name] = value
    else if (!SINGLE.has(name)) headers[name] = `${headers[name]}${name === 'cookie' ? ';' : ','} ${value}`
  }
  return { method: 'GET', httpVersion: '1.1', url, headers, rawHeaders, socket, connection: socket }
}

module.exports = { requestOf }
