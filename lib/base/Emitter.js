'use strict'

const EventEmitter = require('events')
const { kEvents } = require('../util/symbols')

/**
 * Node's EventEmitter with its state hidden. EventEmitter stores it in fields that a class must not use; subclasses
 * of a class that was no emitter in the original do not know that.
 */
class Emitter {
  constructor () {
    this[kEvents] = new Events(this)
  }
}

Object.setPrototypeOf(Emitter, EventEmitter)
Object.setPrototypeOf(Emitter.prototype, EventEmitter.prototype)

/** The listeners of an `owner`. */
class Events extends EventEmitter {
  constructor (owner) {
    super()
    this.owner = owner
  }

  /** As Node's, but the listeners' `this` is the owner. */
  emit (event, ...args) {
    const listeners = this.rawListeners(event)
    if (listeners.length === 0) return super.emit(event, ...args)
    for (const raw of listeners) {
      // A `once` listener is wrapped in a function of Node's, which would bind another `this`.
      const { listener = raw } = raw
      if (listener !== raw) this.removeListener(event, raw)
      Reflect.apply(listener, this.owner, args)
    }
    return true
  }
}

const METHODS = [
  'addListener', 'emit', 'eventNames', 'getMaxListeners', 'listenerCount', 'listeners', 'off', 'on', 'once',
  'prependListener', 'prependOnceListener', 'rawListeners', 'removeAllListeners', 'removeListener', 'setMaxListeners'
]

for (const name of METHODS) {
  Object.defineProperty(Emitter.prototype, name, {
    value (...args) {
      const events = this[kEvents]
      const result = events[name](...args)
      return result === events ? this : result
    },
    configurable: true,
    writable: true
  })
}

module.exports = Emitter
