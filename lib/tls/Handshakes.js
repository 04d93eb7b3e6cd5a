'use strict'

const Deadline = require('../util/Deadline')
const sourceOf = require('../util/addressGroup')

/**
 * Clients in their handshake, with limited time each, and a limited number: for one more, the address that has the
 * most loses its oldest; as src/net/admission.rs.
 */
class Handshakes {
  /**
   * @param {function(): number} most the limit of their number
   * @param {number} time the limit of each, in ms
   */
  constructor (most, time) {
    this._most = most
    this._time = time
    /** Entries by socket. */
    this._entries = new Map()
    /** Entries by address, oldest first. */
    this._sources = new Map()
    /** Entries by both ends of the connection, for TLS sockets whose TCP socket is unknown. */
    this._ends = new Map()
  }

  /** Begins the handshake of `socket`, which is destroyed when its time is over, or another one needs its place. */
  begin (socket) {
    const known = this._entries.get(socket)
    if (known !== undefined) return known
    const deadline = new Deadline(() => this._drop(entry), this._time)
    const entry = { socket, source: sourceOf(socket.remoteAddress), ends: endsOf(socket), deadline, tls: null, rest: undefined }
    this._entries.set(socket, entry)
    this._ends.set(entry.ends, entry)
    const own = this._sources.get(entry.source)
    if (own === undefined) this._sources.set(entry.source, new Set([entry]))
    else own.add(entry)
    socket.once('close', () => this.end(entry))
    // More than one if open connections have taken places since.
    for (const most = this._most(); this._entries.size > most;) this._drop(this._leastProven())
    return entry
  }

  /** The entry of a TLS socket, which runs on top of another socket; begins it if it is unknown. */
  of (tls) {
    const entry = this._entries.get(tls) || this._entries.get(tls._parent) || this._ends.get(endsOf(tls)) || this.begin(tls)
    entry.tls = tls
    return entry
  }

  /** Keeps the bytes that followed the head, until they are taken. */
  keepRest (entry, rest) {
    entry.rest = rest
  }

  /** Returns these bytes, once: an object that lives as long as the connection must not retain them. */
  takeRest (entry) {
    const { rest } = entry
    entry.rest = undefined
    return rest
  }

  /** The handshake is done, or has failed. */
  end (entry) {
    if (!this._entries.delete(entry.socket)) return
    entry.deadline.clear()
    if (this._ends.get(entry.ends) === entry) this._ends.delete(entry.ends)
    const own = this._sources.get(entry.source)
    own.delete(entry)
    if (own.size === 0) this._sources.delete(entry.source)
  }

  /** Ends all of them. */
  clear () {
    for (const entry of this._entries.values()) this._drop(entry)
  }

  _drop (entry) {
    this.end(entry)
    if (entry.tls !== null) entry.tls.destroy()
    entry.socket.destroy()
  }

  /** The oldest entry of the address with the most; of several such addresses, the first. */
  _leastProven () {
    let most = null
    for (const own of this._sources.values()) {
      if (most === null || own.size > most.size) most = own
    }
    return most.values().next().value
  }
}

/** Distinguishes connections that exist at the same time. */
function endsOf ({ remoteAddress, remotePort, localAddress, localPort }) {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`
}

module.exports = Handshakes
