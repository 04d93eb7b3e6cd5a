'use strict'

const assert = require('assert')
const { budgetOf } = require('./native/memoryBudget')
const TransportServer = require('./base/TransportServer')
const Connection = require('./connection/Connection')
const Listener = require('./connection/Listener')
const { LANES } = require('./native/layout')
const { publish } = require('./native/output')
const { highWaterOf } = require('./native/settings')
const { PUBLISHER } = require('./options/defaults')
const { adopt } = require('./errors/failure')
const { MESSAGE } = require('./errors/hints')
const {
  kLeaveToService, kHasShown, kListen, kListener, kMeter, kNewConnection, kOpenConnections, kOptions, kPubBySocket, kOnConnectionEvent,
  kSockets, kOnServedNatively, kEmitSlow, kUnlisten
} = require('./util/symbols')
const { OPTIONS } = require('./options/optionTable')
const { check, withDefaults } = require('./options/values')
const { reveal } = require('./base/ownProperty')
const { SubscriberSockets, takeIn } = require('./server/SubscriberSockets')
const { unpublished } = require('./errors/silentMistakes')
const { encode } = require('./socket/WebSocketLike')

/**
 * Publishes to all clients that are connected to a port.
 *
 * Events: `error` when the port cannot be bound, `slow-subscriber` (socket, lost) for a subscriber that is more than
 * `conf.highWater` bytes behind. With `conf.slowSubscriber` `disconnect` it is disconnected then; with `drop` it
 * continues without the `lost` oldest messages.
 */
class TransportPub extends TransportServer {
  constructor (client, conf) {
    super(client, conf)
    /** Undefined until it is first used. */
    this[kSockets] = undefined
    /** The user may hold sockets of subscribers, and replace their `send`. */
    this[kHasShown] = false
  }

  init () {
    super.init()
    // After another `init` it publishes only to clients that connect from now on.
    if (this[kListener]) {
      this[kSockets] = new SubscriberSockets()
      this[kSockets].isChanged = true
    }
    reveal(this, '_sockets')
  }

  /** Listens on `port`, on `conf.host` or on all interfaces; 0 takes any free port. */
  listen (port) {
    assert(Number.isInteger(port), 'port must be an Integer')
    // `conf` may have been replaced.
    check(this[kOptions], this.conf)
    this[kListen](() => new Listener(port, withDefaults(PUBLISHER, this.conf), LANES.NONE, this, this[kMeter], budgetOf(this)), port)
    return this
  }

  unlisten () {
    this[kUnlisten]()
  }

  /** The object like `ws`'s server. */
  get socket () {
    this[kHasShown] = true
    return super.socket
  }

  set socket (socket) {
    super.socket = socket
  }

  /** The subscribers' sockets by their ids; a subclass that listens by itself may add its own. */
  get _sockets () {
    this[kHasShown] = true
    if (this[kSockets] === undefined) {
      this[kSockets] = new SubscriberSockets()
      for (const connection of this[kOpenConnections]()) takeIn(this[kSockets], connection.socket)
    }
    return this[kSockets]
  }

  set _sockets (sockets) {
    this[kSockets] = sockets
  }

  /**
   * Sends a message to all subscribers: strings and numbers as text, anything else as binary like `Buffer.from`.
   * Throws a TypeError for a value without bytes if there is a subscriber.
   */
  pub (msg) {
    // The user decides who gets it.
    if (this[kSockets] && this[kSockets].isChanged !== false) {
      this[kMeter].count('published')
      return this[kSockets].forEach(socket => socket.send(msg))
    }
    const listener = this[kListener]
    // Closing the face leaves the listener here, without a server.
    if (!listener || listener.server === undefined || listener.connections.size === 0) return unpublished(this, listener, msg)
    const { opcode, data } = bytesOf(msg)
    this[kMeter].count('published')
    const disconnect = this.conf.slowSubscriber !== 'drop'
    const patched = this[kHasShown] ? patchedOf(listener) : undefined
    const slow = publish(listener.server, opcode, data, disconnect, patched && patched.map(({ conn }) => conn))
    if (patched !== undefined) slow.push(...this[kPubBySocket](patched, msg, disconnect))
    if (slow.length > 0) this[kEmitSlow](listener, new Map(slow.map(({ conn, lost }) => [conn, lost])))
  }

  /** Sends a message by socket objects whose `send` is replaced; returns the slow ones. */
  [kPubBySocket] (connections, msg, disconnect) {
    const highWater = highWaterOf(this.conf)
    const slow = []
    for (const { conn, socket } of connections) {
      // A message that was passed to `send` cannot be taken back, so the newest is lost.
      if (socket.bufferedAmount > highWater) slow.push({ conn, lost: disconnect ? 0 : 1 })
      else if (socket.readyState === socket.OPEN) socket.send(msg)
    }
    return slow
  }

  /** See docs/OBSERVABILITY.md. */
  stats () {
    return this[kMeter].ofPublisher()
  }

  [kNewConnection] (lanes) {
    // Subscribers' messages go to the socket's own listeners.
    return new Connection(lanes, this)
  }

  [kOnServedNatively] (connection) {
    if (this[kSockets]) takeIn(this[kSockets], connection.socket)
  }

  /** From now on the service decides who gets messages; present subscribers stay. */
  [kLeaveToService] (connection) {
    if (this[kSockets] === undefined) {
      this[kSockets] = new SubscriberSockets()
      for (const other of this[kOpenConnections]()) if (other !== connection) takeIn(this[kSockets], other.socket)
    }
    if (this[kSockets]) this[kSockets].isChanged = true
  }

  [kOnConnectionEvent] (socket) {
    const { _sockets: sockets } = this
    sockets.isChanged = true
    takeIn(sockets, socket)
  }

  /** A subscriber that does not read would hold the publisher's memory for ever. */
  [kEmitSlow] (listener, slow) {
    for (const connection of [...listener.connections]) {
      const lost = slow.get(connection.conn)
      if (lost === undefined || connection.closing) continue
      this[kHasShown] = true
      this.emit('slow-subscriber', connection.socket, lost)
      if (lost === 0) connection.terminate()
    }
  }

  _stop () {
    super._stop()
    this[kUnlisten]()
  }
}

/** The published message, as `encode` of WebSocketLike.js returns it. */
function bytesOf (msg) {
  try {
    return encode(msg)
  } catch (err) {
    throw adopt(err, { hint: MESSAGE })
  }
}

/** The connections whose socket objects must be used; undefined if there are none. */
function patchedOf ({ connections }) {
  let patched
  for (const connection of connections) {
    if (connection.isPatched) (patched ||= []).push(connection)
  }
  return patched
}

TransportPub.prototype[kOptions] = OPTIONS.PeerPub

module.exports = TransportPub
