'use strict'

// Numbers on which both sides agree stand once, on the native side.

const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')
const { test } = require('node:test')
const vm = require('node:vm')
const layout = require('../../lib/native/layout')
const defaults = require('../../lib/options/defaults')

const root = path.join(__dirname, '..', '..')
const read = file => fs.readFileSync(path.join(root, file), 'utf8')

/** Defaults of options: JavaScript passes each option, and the native side's default is that of its own tests. */
const OPTIONS = {
  maxPayload: 'MAX_MESSAGE_BYTES',
  heartbeatInterval: 'HEARTBEAT',
  connectTimeout: 'CONNECT_TIMEOUT',
  handshakeTimeout: 'HANDSHAKE_TIMEOUT',
  highWater: 'HIGH_WATER',
  dht_maxTables: 'grape.TABLES',
  dht_maxValues: 'grape.VALUES_KEPT',
  dht_concurrency: 'grape.CONCURRENCY',
  dht_nodeLiveness: 'grape.LIVENESS_MS',
  dht_rateLimit: 'grape.RATE',
  check_maxPayloadSize: 'grape.BODY_BYTES',
  LASTING_AGE: 'grape.PEER_AGE_MS'
}

/** Equal by chance: neither follows from the other. */
const COINCIDENCES = {
  BUDGET_REQUESTS: 'ODD_REQUEST_BYTES',
  connection: 'grape.API_CONNECTIONS'
}

/** Words that say nothing of what a number limits. */
const COMMON = new Set('max min most byte m timeout count size age grape dht of at once'.split(' '))

/** The constants of src/config.rs by name, times in ms. */
function nativeNumbers (source) {
  const numbers = {}
  const scope = {}
  let room = ''
  for (const [, mod, name, text] of source.replace(/^\s*\/\/.*$/gm, '').matchAll(/pub mod (\w+) \{|pub const (\w+): [^=]+ = ([^;&(]+(?:\([^;&]*)?);/g)) {
    if (mod) {
      room = `${mod}.`
      continue
    }
    const js = text
      .replace(/(?:std::time::)?Duration::from_(\w+)\(([^)]*)\)/g, (_, unit, number) => `(${number}) * ${{ secs: 1000, millis: 1, micros: 0.001 }[unit]}`)
      .replace(/(?<=\d)_(?=\d)/g, '').replace(/ as \w+/g, '').replace(/i32::MAX/g, '0x7fffffff')
    const value = vm.runInNewContext(js, { ...scope })
    if (typeof value === 'number') numbers[room + name] = scope[name] = value
  }
  return numbers
}

/** The numbers that lib/options/defaults.js writes out, by constant or property. */
function ownNumbers (source) {
  const numbers = {}
  const code = source.replace(/\/\*[^]*?\*\/|\/\/.*/g, '')
  for (const [, name, text] of code.matchAll(/(\w+)(?: =|:) (\d[\w* <./]*)/g)) (numbers[name] ||= []).push(vm.runInNewContext(text))
  return numbers
}

/** What a name is about. */
const words = name => name.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase().split(/[_.]/)
  .map(word => word.replace(/s$/, '')).filter(word => !COMMON.has(word))

const native = nativeNumbers(read('src/config.rs'))
const own = ownNumbers(read('lib/options/defaults.js'))

test('the constants of both sides are found', () => {
  assert(Object.keys(native).length > 200, `${Object.keys(native).length} of src/config.rs`)
  assert(Object.keys(own).length > 100, `${Object.keys(own).length} of lib/options/defaults.js`)
  assert.strictEqual(native.KEEPALIVE, 45000)
  assert.strictEqual(native['grape.CANDIDATES'], 80)
  assert.deepStrictEqual(own.memoryBudget, [512 * 1024 * 1024])
})

test('no limit stands on both sides', () => {
  const twice = []
  for (const [name, values] of Object.entries(own)) {
    for (const [other, value] of Object.entries(native)) {
      if (OPTIONS[name] === other || COINCIDENCES[name] === other || !values.includes(value)) continue
      if (words(name).some(word => words(other).includes(word))) twice.push(`${name} = ${other} = ${value}`)
    }
  }
  assert.deepStrictEqual(twice, [], 'export the limit in src/node/layout.rs, and read it in lib/options/defaults.js')
})

test('limits of the native side are read there', () => {
  for (const [name, limit] of Object.entries(layout.LIMITS)) {
    assert.strictEqual(defaults[name], limit, name)
    assert.strictEqual(own[name], undefined, `${name} stands in lib/options/defaults.js`)
  }
})

test('the defaults of options are equal on both sides', () => {
  for (const [name, other] of Object.entries(OPTIONS)) {
    assert(own[name]?.includes(native[other]), `${name}: ${own[name]}, ${other}: ${native[other]}`)
  }
})

test('lib has no number of a record, frame, lane or decision of its own', () => {
  for (const file of ['lib/native/dispatch.js', 'lib/connection/admission.js', 'lib/connection/Connection.js']) {
    const code = read(file).replace(/\/\*[^]*?\*\/|\/\/.*/g, '')
    const names = [...Object.keys(layout.RECORDS), 'LONE', 'FULL', 'BEHIND', 'RPC', 'SOCKET', 'ASK_ALL', 'ASK_ORIGINS', 'BINARY', 'PING', 'PONG', 'FIN']
    for (const name of names) assert(!new RegExp(`\\b${name}(?: =|:) \\d`).test(code), `${name} in ${file}`)
    assert(!/items\[at \+ \d/.test(code), `an index of a record in ${file}`)
  }
})

test('records have different tags, and as many elements as they have fields', () => {
  const { RECORDS } = layout
  const tags = Object.values(RECORDS).map(({ tag }) => tag)
  assert.strictEqual(new Set(tags).size, tags.length)
  for (const [name, { tag, size, ...fields }] of Object.entries(RECORDS)) {
    assert.deepStrictEqual(Object.values(fields), Array.from({ length: size - 1 }, (_, at) => at + 1), name)
    // The delivery reads the connection before it looks at the kind.
    if (name !== 'EVENT') assert.strictEqual(fields.conn, RECORDS.REQUEST.conn, name)
  }
})

test('nothing can change the layout', () => {
  const seen = []
  const check = object => {
    assert(Object.isFrozen(object))
    seen.push(object)
    for (const value of Object.values(object)) if (typeof value === 'object') check(value)
  }
  check(layout)
  assert(seen.length > 10)
})
