'use strict'

// Native connections and servers: opens them, and knows their JavaScript sides by number.

const { badPort, fromFailure } = require('../errors/errors')
const { OPTIONS } = require('../options/optionTable')
const context = require('../util/context')
const { sharesPorts } = require('./clusterWorker')
const ConnectionEvents = require('./ConnectionEvents')
const { core } = require('./core')
const ScopedConnection = require('./ScopedConnection')
const { settingsOf } = require('./settings')

/** The receivers of connections' events, by number. */
const connections = []
/** Servers by number. */
const servers = new Map()

/** Stands for a connection that was refused or closed. */
const NOBODY = new ConnectionEvents()

/** `connection` receives the events of the connection `conn` from now on; returns `conn`. */
function register (conn, connection) {
  const scope = connection.keepsContext ? context.capture() : null
  connections[conn] = scope === null ? connection : new ScopedConnection(connection, scope)
  return conn
}

/** The events that are still to come are ignored. */
function unregister (conn) {
  connections[conn] = NOBODY
}

// Objects made before async contexts were first used have none, whichever context is entered later.
context.whenUsed(() => {
  connections.forEach((connection, conn) => {
    if (connection === undefined) return
    if (connection.keepsContext) connections[conn] = new ScopedConnection(connection, context.within(null))
    else connection.unbind()
  })
})

/** Connects to `dest`, and returns the connection's number; `meter` counts its traffic. */
function connect (dest, path, conf, lanes, meter, budget, dialling) {
  return core.connect(dest, path, settingsOf(conf, lanes, 0, dialling), meter.native, budget)
}

/** A connection whose bytes JavaScript moves; returns its number. */
function connectStream (isServer, conf, lanes, meter, budget) {
  return core.stream(isServer, settingsOf(conf, lanes), meter.native, budget)
}

/** Listens as `conf` says, or throws Node's own error; `server` receives the events. */
function listen (port, conf, lanes, server, meter, budget) {
  if (!(port >= 0 && port < 65536)) throw badPort(port)
  const settings = settingsOf(conf, lanes, server.admission.mode)
  const listening = core.listen(port, OPTIONS.PeerServer.host.of(conf.host), sharesPorts(), settings, meter.native, budget)
  if (listening.error) throw fromFailure(listening.error)
  servers.set(listening.server, server)
  return listening
}

function unlisten (server) {
  servers.delete(server)
  core.unlisten(server)
}

/** Whether a value is `host:port`. */
function isDestination (dest) {
  return typeof dest === 'string' && core.isDestination(dest)
}

module.exports = { NOBODY, connect, connectStream, connections, isDestination, listen, register, servers, unlisten, unregister }
