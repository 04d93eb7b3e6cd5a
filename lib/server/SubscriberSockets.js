'use strict'

const { randomUUID } = require('crypto')

const { delete: remove, set } = Map.prototype

/** The sockets of a publisher by their ids, as in the original: a Map that records whether the user changed it. */
class SubscriberSockets extends Map {
  isChanged = false

  set (id, socket) {
    this.isChanged = true
    return super.set(id, socket)
  }

  delete (id) {
    this.isChanged = true
    return super.delete(id)
  }

  clear () {
    this.isChanged = true
    super.clear()
  }
}

/** Adds a subscriber's socket until it is closed. */
function takeIn (sockets, socket) {
  const id = socket._grc_id = randomUUID()
  set.call(sockets, id, socket)
  socket.once('close', () => remove.call(sockets, id))
}

module.exports = { SubscriberSockets, takeIn }
