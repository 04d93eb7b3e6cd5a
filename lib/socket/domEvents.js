'use strict'

const EventEmitter = require('events')

// The browser's event API, which `ws` has beside Node's: `onmessage = ...`, `addEventListener`.

/** Properties of each event, beside its type and target. */
const EVENTS = {
  open: () => ({}),
  message: data => ({ data }),
  close: (code, reason) => ({ code, reason, wasClean: code !== 1006 }),
  error: error => ({ error, message: error.message })
}

/** Marks a listener of Node's: the function of the browser's API, and whether it was set by `on...`. */
const SOURCE = Symbol('source')

class Event {
  constructor (type, target, more) {
    Object.assign(this, { type, target }, more)
  }
}

/** Node's listener for a function of the browser's API. */
function listenerOf (type, target, listener, isProperty) {
  const heard = (...args) => listener.call(target, new Event(type, target, EVENTS[type](...args)))
  heard[SOURCE] = { listener, isProperty }
  return heard
}

function find (target, type, isWanted) {
  // The emitter's own `listeners`: the socket's override assumes that its caller changes them.
  return EventEmitter.prototype.listeners.call(target, type).find(heard => heard[SOURCE] !== undefined && isWanted(heard[SOURCE]))
}

/** Adds the methods and properties to a class of emitters. */
function domEvents ({ prototype }) {
  Object.assign(prototype, { addEventListener, removeEventListener })
  for (const name of ['addEventListener', 'removeEventListener']) {
    Object.defineProperty(prototype, name, { enumerable: false })
  }
  for (const type of Object.keys(EVENTS)) {
    Object.defineProperty(prototype, `on${type}`, {
      configurable: true,
      get () {
        const heard = find(this, type, ({ isProperty }) => isProperty)
        return heard === undefined ? null : heard[SOURCE].listener
      },
      set (listener) {
        const heard = find(this, type, ({ isProperty }) => isProperty)
        if (heard !== undefined) this.removeListener(type, heard)
        if (typeof listener === 'function') this.on(type, listenerOf(type, this, listener, true))
      }
    })
  }
}

/** With `opts.once` it is called once. Events that `ws` does not support here are ignored, as there. */
function addEventListener (type, listener, opts) {
  if (typeof listener !== 'function' || !Object.prototype.hasOwnProperty.call(EVENTS, type)) return
  const heard = listenerOf(type, this, listener, false)
  if (opts && opts.once) this.once(type, heard)
  else this.on(type, heard)
}

function removeEventListener (type, listener) {
  const heard = find(this, type, source => !source.isProperty && source.listener === listener)
  if (heard !== undefined) this.removeListener(type, heard)
}

module.exports = domEvents
