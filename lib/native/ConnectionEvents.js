'use strict'

/**
 * The events of a native connection, which are methods of its JavaScript side: this class does nothing in each, and
 * `Connection` extends it. An instance stands for a connection that is closed, or that nobody wants.
 */
class ConnectionEvents {
  /** The handshake is done. */
  onOpened () {}
  /** A small request, or one of `cost` bytes; fetched at `since` on the native side's clock. */
  onRequest (rid, key, payload, cost, since) {}
  /** A message that is parsed here, since it is large, or no array of three. */
  onRequestData (data, cost, since) {}
  /** The reply to the request in a slot. */
  onReply (slot, err, res) {}
  /** A reply that is parsed here. */
  onReplyData (slot, data, cost) {}
  /** The timeouts of the requests in these slots have passed; the peer was silent for so many ms. */
  onExpired (slots, silentFor) {}
  /** A message, ping or pong for the socket object. */
  onMessage (data) {}
  onPing (data) {}
  onPong (data) {}
  /** The server drains: it stopped reading. */
  onLeaving () {}
  /** A large reply begins to arrive. */
  onLarge () {}
  /** The write queue is empty. */
  onDrained () {}
  /** The write queue has room again. */
  onRoom () {}
  /** The native side composed a frame by itself. */
  onComposed () {}
  /** The connection closed; afterwards its number belongs to another one. */
  onClosed (code, reason, err) {}
  /** Before `onClosed`, while the number still is the connection's. */
  detach (failure, code, reason) {}
  /** The connection must end now. */
  terminate () {}
  /** The process exits: composed output is written. */
  flushStream () {}
  /** Async contexts are in use from now on: callbacks so far belong to none. */
  unbind () {}
  /** The descriptor of the socket whose bytes JavaScript moves. */
  descriptor () {}
}

/** The methods that deliver requests: each call has an async context of its own. */
ConnectionEvents.OF_REQUESTS = ['onRequest', 'onRequestData']

/** The methods that call nothing of a service: they need no async context. */
ConnectionEvents.INTERNAL = ['detach', 'flushStream', 'unbind', 'descriptor']

module.exports = ConnectionEvents
