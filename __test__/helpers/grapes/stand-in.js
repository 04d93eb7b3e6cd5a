'use strict'

// Small HTTP servers in a grape's place: they see what a link sends, and answer what a test needs.

const http = require('http')
const https = require('https')
const { once } = require('events')

/**
 * Starts a stand-in; resolves with `{ url, requests, connections, open, arrived(count) }`: how many
 * connections there were, and are open.
 * @param {function(object, object)} answer gets a request and Node's response. What it returns
 *   is sent as JSON with status 200; after `undefined` it answers by itself, or never.
 * @param {object} [secure] options of Node's `https.createServer`
 */
async function standIn (stage, answer, secure) {
  const requests = []
  const waiting = []
  const grape = { requests, connections: 0, open: 0 }
  const listener = async (req, res) => {
    let text = ''
    for await (const chunk of req.setEncoding('utf8')) text += chunk
    const { method, url, headers } = req
    const body = JSON.parse(text)
    const request = { method, url, type: url.slice(1), headers, text, body, data: body.data }
    requests.push(request)
    const result = answer(request, res)
    if (result !== undefined) res.end(JSON.stringify(result))
    waiting.filter(({ count }) => count <= requests.length).forEach(({ resolve }) => resolve())
  }
  const server = secure ? https.createServer(secure, listener) : http.createServer(listener)
  server.on(secure ? 'secureConnection' : 'connection', () => grape.connections++)
  server.on('connection', socket => {
    grape.open++
    socket.on('close', () => grape.open--)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stage.after(async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  })
  grape.port = server.address().port
  grape.url = `${secure ? 'https' : 'http'}://127.0.0.1:${grape.port}`
  /** Resolves once so many requests have come. */
  grape.arrived = count => new Promise(resolve => {
    if (requests.length >= count) resolve()
    else waiting.push({ count, resolve })
  })
  return grape
}

/** Answers with a status and a text. */
function fail (status, text) {
  return (request, res) => {
    res.statusCode = status
    res.end(text)
  }
}

/** A started link to a grape's address. */
function startLink (stage, implementation, grape, conf) {
  const link = new implementation.Link({ grape, ...conf })
  link.start()
  stage.after(() => link.stop())
  return link
}

module.exports = { fail, standIn, startLink }
