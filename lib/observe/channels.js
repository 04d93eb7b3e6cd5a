'use strict'

// Observability: `diagnostics_channel`, and lines for NODE_DEBUG=grenache. See docs/OBSERVABILITY.md for the contents
// of each message.

const { channel } = require('diagnostics_channel')
const { debuglog } = require('util')
const { monotonic } = require('../util/clock')
const { inLine } = require('../errors/printable')

const start = channel('grenache:request:start')
const end = channel('grenache:request:end')
const error = channel('grenache:request:error')
const open = channel('grenache:connection:open')
const close = channel('grenache:connection:close')

const log = debuglog('grenache')

/** A line for NODE_DEBUG. Addresses, errors and answers are foreign text. */
function debug (format, ...args) {
  if (log.enabled) log(format, ...args.map(arg => typeof arg === 'number' ? arg : inLine(arg)))
}

Object.defineProperty(debug, 'enabled', { get: () => log.enabled })

/** Whether requests have subscribers; nearly free, and called for each request. */
function isWatched () {
  return start.hasSubscribers || end.hasSubscribers || error.hasSubscribers
}

/** One observed request: the same message at its start and at its end. */
class Watched {
  constructor (message) {
    this.message = { ...message, duration: undefined, error: undefined, result: undefined }
    this._since = monotonic()
    this._isStarted = false
    this._isEnded = false
  }

  /** Starts it, once. `act` then runs with the stores that are bound to the channel. */
  start (act) {
    if (this._isStarted) return
    this._isStarted = true
    // Node 18.19 is the first version with `runStores`.
    if (act && start.runStores) return start.runStores(this.message, act)
    start.publish(this.message)
    if (act) act()
  }

  end (err, res) {
    if (this._isEnded) return
    this._isEnded = true
    this.start()
    const { message } = this
    message.duration = monotonic() - this._since
    if (err) message.error = err
    else message.result = res
    if (err) error.publish(message)
    else end.publish(message)
  }
}

/** Reports a request of a client's transport; `send(done)` sends it and returns its id, where it has one. */
function request (transport, key, payload, cb, send) {
  const address = transport.conf.dest
  const watched = new Watched({ side: 'client', transport, address, key, payload, rid: undefined })
  watched.message.rid = send((err, res) => {
    watched.end(err, res)
    cb(err, res)
  })
  watched.start()
}

/** Reports a request to a server's transport; `handle(reply)` handles it. `caller` has the address. */
function serve (transport, caller, rid, key, payload, reply, handle) {
  const address = caller && caller.address
  const watched = new Watched({ side: 'server', transport, address, key, payload, rid })
  watched.start(() => handle((err, res) => {
    reply(err, res)
    watched.end(err, res)
  }))
}

/** A connection's handshake is done. Returns the published message, null without subscribers. */
function opened (connection) {
  if (!open.hasSubscribers && !debug.enabled) return null
  const message = aboutOf(connection)
  debug('%s %s: open', message.side, message.address)
  open.publish(message)
  return message
}

/** A connection is closed; `err` is the reason, unless it was closed in order. */
function closed (connection, code, reason, err) {
  if (!close.hasSubscribers && !debug.enabled) return
  const message = connection.published || aboutOf(connection)
  message.opened = connection.open
  message.code = code
  message.reason = reason
  message.error = err || undefined
  const end = message.opened ? 'closed' : 'not connected'
  if (err) debug('%s %s: %s, code %d, %s', message.side, message.address, end, code, err.message)
  else debug('%s %s: %s, code %d', message.side, message.address, end, code)
  close.publish(message)
}

function aboutOf ({ isClient, transport, address, stream }) {
  return {
    side: isClient ? 'client' : 'server',
    transport,
    address,
    secure: stream !== null,
    opened: true,
    code: undefined,
    reason: undefined,
    error: undefined
  }
}

module.exports = { closed, debug, isWatched, opened, request, serve }
