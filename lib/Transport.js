'use strict'

const EventEmitter = require('events')
const { randomUUID } = require('crypto')

/** What all transports share: an owner, a configuration, an id, and whether they are active. */
class Transport extends EventEmitter {
  constructor (client, conf = {}) {
    super()
    this.client = client
    this.conf = conf
    this.id = randomUUID()
  }

  init () {
    this.active()
  }

  isActive () {
    return !!this._active
  }

  active () {
    this._active = true
  }

  monitor () {}

  stop () {
    this._active = false
    this._stop()
  }

  _stop () {}
}

module.exports = Transport
