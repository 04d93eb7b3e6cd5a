'use strict'

// Exchanges with grapes behind TLS: Node does all of it.

const https = require('https')
const { nextTick } = require('../util/clock')
const Deadline = require('../util/Deadline')
const { withOffer } = require('../tls/tlsOffer')
const { GRAPE_KEEP_ALIVE, MAX_GRAPE_ANSWER, MAX_GRAPE_READ } = require('../options/defaults')
const { TEXT } = require('../errors/errors')
const { late, system } = require('../errors/failure')
const limitHeads = require('../tls/informationalHeads')
const { RACE, lookupOf } = require('../native/hostLookup')

/** Connections to grapes. It separates those with different TLS options. */
class Agent extends https.Agent {
  keepSocketAlive (socket) {
    if (this !== agent || !super.keepSocketAlive(socket)) return false
    // Data without a pending request is no response. Node would read on and on.
    socket.once('data', destroy)
    socket.setTimeout(GRAPE_KEEP_ALIVE, destroy)
    return true
  }

  reuseSocket (socket, request) {
    socket.off('data', destroy)
    socket.setTimeout(0, destroy)
    super.reuseSocket(socket, request)
  }
}

function destroy () {
  this.destroy()
}

let agent = new Agent({ keepAlive: true })

/** Closes the idle connections, and the others once they have their responses. */
function letGo () {
  const kept = Object.values(agent.freeSockets).flat()
  agent = new Agent({ keepAlive: true })
  for (const socket of kept) socket.destroy()
}

/**
 * Posts a JSON text to a grape: `cb(err, status, body, location)`, and returns a function that cancels it, like
 * `post` of native/exchanges.js.
 * @param {number} timeout ms, for the whole exchange
 * @param {object} [tls] options of Node's `https.request`, such as `ca`
 */
function post (url, fields, body, timeout, tls, cb) {
  let request
  let done = false
  const finish = (err, status, text, location) => {
    if (done) return
    done = true
    deadline.clear()
    if (err) request.destroy(err)
    cb(err, status, text, location)
  }
  const deadline = new Deadline(() => finish(late(TEXT.TIMEOUT, { timeout })), timeout, true)
  // Node would join a string with the head, in the string's encoding.
  const bytes = Buffer.from(body)
  const headers = {
    'content-type': 'application/json',
    'content-length': bytes.length,
    accept: '*/*',
    ...fields
  }
  const ask = () => {
    const asked = request = https.request(url, { agent, lookup: lookupOf(true, timeout), ...RACE, ...withOffer(tls), method: 'POST', headers })
    let answered = false
    limitHeads(request, () => finish(late(TEXT.ANSWER_LIMIT, { limit: MAX_GRAPE_ANSWER })))
    request.on('response', response => {
      answered = true
      read(response, finish)
    })
    // An upgrade is no response; without a listener Node would close silently.
    request.on('upgrade', (response, socket) => {
      socket.destroy()
      finish(null, response.statusCode, '')
    })
    request.on('close', () => {
      if (!answered && asked === request) finish(system(TEXT.HANG_UP, { code: 'ECONNRESET' }))
    })
    request.on('error', err => {
      // A grape may close an idle connection while a request is on its way there.
      if (!done && request.reusedSocket && err.code === 'ECONNRESET') ask()
      else finish(err)
    })
    request.end(bytes)
  }
  try {
    ask()
  } catch (err) {
    // An invalid address, or a key that Node rejects.
    deadline.clear()
    done = true
    nextTick(cb, err)
  }
  return err => nextTick(finish, err)
}

function read (response, finish) {
  let text = ''
  // Also counts bytes outside the text: extensions of chunks.
  const { socket } = response
  const most = socket.bytesRead + MAX_GRAPE_READ
  response.setEncoding('utf8')
  response.on('data', chunk => {
    text += chunk
    if (text.length > MAX_GRAPE_ANSWER || socket.bytesRead > most) finish(late(TEXT.ANSWER_LIMIT, { limit: MAX_GRAPE_ANSWER }))
  })
  response.on('end', () => finish(null, response.statusCode, text, response.headers.location))
  response.on('error', finish)
}

module.exports = { letGo, post }
