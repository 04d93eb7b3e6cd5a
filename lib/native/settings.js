'use strict'

// A conf's options in the form that the native side takes.

const { failure } = require('../errors/failure')
const { MAX_TIMEOUT } = require('../options/defaults')
const { OPTIONS } = require('../options/optionTable')
const { core } = require('./core')

/** When a client connects: `after` so many ms, and TCP must connect `within` so many. */
const AT_ONCE = { after: 0, within: MAX_TIMEOUT }

/** The settings of a connection, or of a server's connections. */
function settingsOf (conf, lanes, admission = 0, dialling = AT_ONCE) {
  const number = name => OPTIONS.Peer[name].of(conf[name])
  return {
    inLoop: isInLoop(OPTIONS.Peer.io.of(conf.io)),
    lanes,
    busyPoll: number('busyPoll'),
    maxPayload: number('maxPayload'),
    heartbeat: number('heartbeatInterval'),
    dialAfter: Math.min(dialling.after, MAX_TIMEOUT),
    connectTimeout: Math.min(number('connectTimeout'), dialling.within),
    handshakeTimeout: number('handshakeTimeout'),
    admission,
    maxConnections: OPTIONS.PeerServer.maxConnections.of(conf.maxConnections),
    highWater: number('highWater')
  }
}

/**
 * Whether Node's event loop moves a connection's bytes (`'libuv'`, the default where possible) or a separate thread
 * (`'tokio'`). The environment variable GRENACHE_IO sets this for all connections.
 */
function isInLoop (io = process.env.GRENACHE_IO) {
  if (io === undefined || io === '') return core.inLoop
  if (io !== 'libuv' && io !== 'tokio') throw failure(`ERR_IO_UNKNOWN: ${io} (libuv or tokio)`)
  if (io === 'libuv' && !core.inLoop) throw failure('ERR_IO_UNAVAILABLE: libuv')
  return io === 'libuv'
}

/** The limit of the write queue, in bytes. */
function highWaterOf (conf) {
  return OPTIONS.Peer.highWater.of(conf.highWater)
}

module.exports = { AT_ONCE, highWaterOf, settingsOf }
