'use strict'

// A process whose classes are subclasses with members of given names: it runs through everything,
// and ends with 0 when all of it worked. Argument: `{ which, kind, names }` as JSON, the names by class.
// The kind `kept` leaves the classes as they are: something is kept on each object.

const { classesOf } = require('../peers/classes')
const { useEverything } = require('../peers/everything')

const { which, kind, names } = JSON.parse(process.argv[2])

function touched (name) {
  return () => { throw new Error(`${name} is the subclass's own`) }
}

/** What a class does first after its constructor: `init`, or `start` of what has none. */
const BEGINNINGS = ['init', 'start']

const KINDS = {
  /** Assigned in the constructor. */
  field: (Class, names) => class extends Class {
    constructor (...args) {
      super(...args)
      for (const name of names) this[name] = 42
    }
  },
  /** As a field of a class's body is: in front of whatever the base class has. */
  defined: (Class, names) => class extends Class {
    constructor (...args) {
      super(...args)
      for (const name of names) Object.defineProperty(this, name, { value: null, writable: true, configurable: true, enumerable: true })
    }
  },
  /** Assigned before the base class begins. */
  early: (Class, names) => {
    const Early = class extends Class {}
    const beginning = BEGINNINGS.find(name => typeof Class.prototype[name] === 'function')
    Early.prototype[beginning] = function (...args) {
      for (const name of names) this[name] = touched(name)
      return Class.prototype[beginning].apply(this, args)
    }
    return Early
  },
  /** What a test puts before an object. */
  proxied: Class => class extends Class {
    constructor (...args) {
      super(...args)
      return new Proxy(this, {})
    }
  },
  created: Class => class extends Class {
    constructor (...args) {
      super(...args)
      return Object.create(this)
    }
  },
  method: (Class, names) => {
    const Own = class extends Class {}
    for (const name of names) Own.prototype[name] = touched(name)
    return Own
  },
  getter: (Class, names) => {
    const Own = class extends Class {}
    for (const name of names) Object.defineProperty(Own.prototype, name, { get: touched(name), configurable: true })
    return Own
  }
}

const classes = {}
for (const [name, Class] of Object.entries(classesOf(which))) {
  classes[name] = KINDS[kind] && names[name] ? KINDS[kind](Class, names[name]) : Class
}

/** As soon as it is there, in each of its states. */
function keep (name, object) {
  if (kind === 'kept') for (const one of names[name] || []) object[one] = 42
}

useEverything(classes, keep, which === 'native').then(() => process.exit(0), err => {
  console.error(err)
  process.exit(1)
})
