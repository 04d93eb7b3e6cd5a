'use strict'

// Bencode, and the messages of the discovery network (BEP 5, BEP 44) as datagrams.

const { mutate } = require('./bytes')

/** Placeholder for the transaction id of a received query, with the same length. */
const TRANSACTION = Buffer.from('@TX@')
/** Placeholder for a token from the node, with the same length. */
const TOKEN = Buffer.from('@TOKEN@@')
/** Placeholder for the id of the attacked node. */
const NODE = Buffer.from('@THE-ID-OF-THE-NODE@')

/** The largest datagram over IPv4. */
const MOST = 65507

/** Bencode of bytes, texts, numbers, lists, and objects, whose keys are sorted; or of `Raw` bytes. */
function bencode (value) {
  if (value instanceof Raw) return value.bytes
  if (typeof value === 'string') value = Buffer.from(value)
  if (Buffer.isBuffer(value)) return Buffer.concat([Buffer.from(`${value.length}:`), value])
  if (typeof value === 'number' || typeof value === 'bigint') return Buffer.from(`i${value}e`)
  if (Array.isArray(value)) return Buffer.concat([Buffer.from('l'), ...value.map(bencode), Buffer.from('e')])
  const pairs = Object.keys(value).sort().flatMap(key => [bencode(key), bencode(value[key])])
  return Buffer.concat([Buffer.from('d'), ...pairs, Buffer.from('e')])
}

/** Bytes that are inserted unchanged into a message. */
class Raw {
  constructor (bytes) {
    this.bytes = Buffer.from(bytes)
  }
}

const NUMBERS = [0, 1, -1, 65535, 65536, 2n ** 31n, 2n ** 63n - 1n, 2n ** 63n, -(2n ** 63n), 2n ** 64n, 10n ** 60n]
const TEXTS = ['', 'a', '\0', 'x'.repeat(19), 'x'.repeat(20), 'x'.repeat(21), 'x'.repeat(1000), 'x'.repeat(9000), 'x'.repeat(60000)]
const BROKEN = ['', 'i', 'ie', 'i-0e', 'i01e', '1:', '-1:a', '99999999999:a', '18446744073709551616:a', 'l', 'd', 'd1:ae', 'di1ei2ee', 'd1:bi1e1:ai1ee', 'd1:ai1e1:ai2ee', 'e', 'x', '01:a']

/** A value of any kind. */
function anything (random) {
  return random.weighted([
    [3, () => random.pick(TEXTS)],
    [3, () => random.pick(NUMBERS)],
    [2, () => random.bytes(random.size(300))],
    [2, () => new Raw(nested(random))],
    [1, () => new Raw(random.pick(BROKEN))],
    [1, () => random.list(2000, () => random.pick(['', 0]))],
    [1, () => random.list(40, () => random.bytes(random.pick([0, 5, 6, 7, 18, 26])))],
    [1, () => ({ id: random.bytes(20), a: 1, __proto__x: '' })]
  ])()
}

function nested (random) {
  const depth = random.pick([2, 30, 33, 1000, 20000])
  const [open, close] = random.pick([['l', 'e'], ['d1:a', 'e'], ['d0:', 'e']])
  return open.repeat(depth) + '0:' + (random.once(5) ? '' : close.repeat(depth))
}

/** An address of this machine, mostly without a listener, in KRPC's form. */
function address (random) {
  const address = Buffer.from([127, 0, 0, random.between(2, 9), 0, 0])
  address.writeUInt16BE(random.pick([0, 1, 9, 65535]), 4)
  return address
}

/** Random nodes: a few, as many as a reply has, or more. */
function nodes (random) {
  const count = random.weighted([[4, random.below(9)], [2, 20], [1, random.between(21, 2000)]])
  return Buffer.concat(Array.from({ length: count }, () => Buffer.concat([random.once(12) ? NODE : random.bytes(20), address(random)])))
}

function values (random) {
  const count = random.weighted([[4, random.below(9)], [2, 100], [1, random.between(101, 7000)]])
  return Array.from({ length: count }, () => address(random))
}

/** Few ids and keys, so that they occur at several addresses, and repeatedly. */
const id = random => random.once(3) ? random.bytes(20) : Buffer.alloc(20, random.below(16))
const key = random => random.weighted([[6, `key-${random.below(8)}`], [2, random.bytes(20)], [1, random.pick(TEXTS)], [1, NODE]])

const QUERIES = {
  ping: random => ({ id: id(random) }),
  find_node: random => ({ id: id(random), target: key(random) }),
  get_peers: random => ({ id: id(random), info_hash: key(random) }),
  announce_peer: random => ({ id: id(random), info_hash: key(random), port: random.pick([1, 80, 65535, ...NUMBERS]), implied_port: random.below(2), token: TOKEN }),
  unannounce_peer: random => ({ id: id(random), info_hash: key(random), port: random.pick([1, 80, 65535]), implied_port: 0, token: TOKEN }),
  get: random => ({ id: id(random), target: random.bytes(20) }),
  put: random => ({ id: id(random), token: TOKEN, v: anything(random), ...(random.once(2) && { k: random.bytes(32), sig: random.bytes(64), seq: random.pick(NUMBERS), salt: random.pick(TEXTS), cas: random.pick(NUMBERS) }) }),
  vote: random => ({ id: id(random), target: random.bytes(20), vote: 1 })
}

/** A valid query. */
function query (random, name = random.pick(Object.keys(QUERIES))) {
  return { t: random.once(8) ? Buffer.from(random.pick(TEXTS)) : random.bytes(4), y: 'q', q: name, a: QUERIES[name](random), v: random.pick(['GN01', 'LT12', '']) }
}

/** A valid announce. */
function announce (random, name) {
  return { t: random.bytes(4), y: 'q', q: 'announce_peer', a: { id: id(random), info_hash: Buffer.from(name), port: random.between(1, 65535), token: TOKEN } }
}

/** A reply to any query of the node. */
function response (random) {
  const r = { id: id(random) }
  if (random.once(2)) r.nodes = nodes(random)
  if (random.once(2)) r.values = values(random)
  if (random.once(2)) r.token = random.once(3) ? Buffer.alloc(random.pick([0, 1, 100, 1000, 30000, 60000]), 't') : random.bytes(8)
  if (random.once(3)) r.ages = random.bytes(2 * random.size(200))
  if (random.once(3)) r.v = anything(random)
  if (random.once(4)) Object.assign(r, { k: random.bytes(32), sig: random.bytes(64), seq: random.pick(NUMBERS) })
  return { t: TRANSACTION, y: 'r', r, v: random.pick(['GN01', 'GN01', '']) }
}

function refusal (random) {
  return { t: TRANSACTION, y: 'e', e: random.once(2) ? [random.pick(NUMBERS), random.pick(TEXTS)] : anything(random) }
}

/** One field is missing, has another type, or is unexpected. */
function oddFields (random, message) {
  const inner = message.a || message.r
  const place = inner && random.below(3) > 0 ? inner : message
  const name = random.pick([...Object.keys(place), 'ip', 'ro', 'want', 'nodes6'])
  if (random.once(3)) delete place[name]
  else place[name] = anything(random)
  return message
}

/** The bytes of a message, possibly with any error. */
function bytesOf (random, message) {
  if (random.once(3)) message = oddFields(random, message)
  let bytes = bencode(message)
  if (random.once(6)) bytes = mutate(random, bytes)
  return bytes.subarray(0, MOST)
}

/** An unsolicited message. */
function asking (random) {
  return random.weighted([
    [10, () => bytesOf(random, query(random))],
    [2, () => bytesOf(random, response(random))],
    [1, () => bytesOf(random, refusal(random))],
    [1, () => random.bytes(random.size(2000))],
    [1, () => Buffer.from(random.pick(BROKEN))],
    [1, () => Buffer.from(nested(random)).subarray(0, MOST)],
    [1, () => bencode(anything(random)).subarray(0, MOST)]
  ])()
}

/** A reply to a query of the node. */
function answering (random) {
  return random.weighted([
    [10, () => bytesOf(random, response(random))],
    [2, () => bytesOf(random, refusal(random))],
    [2, () => bytesOf(random, query(random))],
    [1, () => random.bytes(random.size(2000))]
  ])()
}

module.exports = { MOST, NODE, TOKEN, TRANSACTION, announce, answering, asking, bencode, bytesOf, query }
