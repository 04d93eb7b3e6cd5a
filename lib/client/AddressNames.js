'use strict'

const { MAX_BACKOFFS } = require('../options/defaults')

/**
 * Names that lookups return for destinations with other addresses, where a subclass of a client maps them (NAT, a
 * tunnel): failures concern an address, and the next choice a name.
 */
class AddressNames {
  constructor () {
    /** The latest address by name. */
    this._addresses = new Map()
    /** The names by address. */
    this._names = new Map()
  }

  /** A transport requested for `name` connects to `address`. */
  add (name, address) {
    if (name === address || address === undefined || this._addresses.get(name) === address) return
    this._remove(name)
    // Grapes may return new names without end.
    if (this._addresses.size === MAX_BACKOFFS) this._remove(this._addresses.keys().next().value)
    this._addresses.set(name, address)
    const names = this._names.get(address)
    if (names === undefined) this._names.set(address, new Set([name]))
    else names.add(name)
  }

  /** The address itself, and its names. */
  of (address) {
    const names = this._names.get(address)
    return names === undefined ? [address] : [address, ...names]
  }

  _remove (name) {
    const address = this._addresses.get(name)
    this._addresses.delete(name)
    const names = this._names.get(address)
    if (names === undefined) return
    names.delete(name)
    if (names.size === 0) this._names.delete(address)
  }
}

/** The address that a transport connects to; undefined for a foreign one without `conf`. */
function destOf (transport) {
  return transport && transport.conf ? transport.conf.dest : undefined
}

module.exports = { AddressNames, destOf }
