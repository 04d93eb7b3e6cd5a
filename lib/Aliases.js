'use strict'

const { MAX_BACKOFFS } = require('./defaults')

/**
 * Names of destinations in lookups whose real addresses are others, since a subclass of a client maps them
 * (NAT, a tunnel): what fails is an address, and what is chosen next is a name.
 */
class Aliases {
  constructor () {
    /** By name, the latest address. */
    this._addresses = new Map()
    /** By address, its names. */
    this._names = new Map()
  }

  /** A transport that was asked for `name` connects to `address`. */
  add (name, address) {
    if (name === address || address === undefined || this._addresses.get(name) === address) return
    this._remove(name)
    // Grapes may name others without end.
    if (this._addresses.size === MAX_BACKOFFS) this._remove(this._addresses.keys().next().value)
    this._addresses.set(name, address)
    const names = this._names.get(address)
    if (names === undefined) this._names.set(address, new Set([name]))
    else names.add(name)
  }

  /** What an address is called: by itself, and by its names. */
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

/** Where a transport connects to; undefined of one of somebody's own that does not say. */
function addressOf (transport) {
  return transport && transport.conf ? transport.conf.dest : undefined
}

module.exports = { Aliases, addressOf }
