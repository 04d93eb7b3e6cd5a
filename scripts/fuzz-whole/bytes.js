'use strict'

// Mutations of any bytes: one error in them, and arbitrary splits.

/** Bytes with a meaning to one of the parsers. */
const TELLING = Buffer.from('\0\n\r "%,:[\\]{}\x7f\x80\xc0\xed\xff0179deil', 'latin1')

/** Ways to change bytes; each returns new ones. */
const MUTATIONS = [
  // Truncated.
  (random, bytes) => bytes.subarray(0, random.below(bytes.length + 1)),
  (random, bytes) => bytes.subarray(random.below(bytes.length + 1)),
  // A part is missing, repeated, or moved.
  (random, bytes) => {
    const [from, to] = range(random, bytes)
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)])
  },
  (random, bytes) => {
    const [from, to] = range(random, bytes)
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)])
  },
  (random, bytes) => {
    const [from, to] = range(random, bytes)
    return Buffer.concat([bytes.subarray(from, to), bytes.subarray(0, from), bytes.subarray(to)])
  },
  // Changed: a bit, a byte, or a byte to one with a meaning.
  (random, bytes) => changed(random, bytes, byte => byte ^ (1 << random.below(8))),
  (random, bytes) => changed(random, bytes, () => random.below(256)),
  (random, bytes) => changed(random, bytes, () => random.pick(TELLING)),
  // Something inserted.
  (random, bytes) => {
    const at = random.below(bytes.length + 1)
    const between = random.once(2) ? random.bytes(random.between(1, 8)) : Buffer.alloc(random.between(1, 16), random.pick(TELLING))
    return Buffer.concat([bytes.subarray(0, at), between, bytes.subarray(at)])
  }
]

function range (random, bytes) {
  const from = random.below(bytes.length + 1)
  return [from, Math.min(bytes.length, from + random.size(bytes.length))]
}

function changed (random, bytes, change) {
  if (bytes.length === 0) return bytes
  const copy = Buffer.from(bytes)
  // Errors near the beginning are found more often than in the middle of a long text.
  const at = random.once(2) ? random.below(bytes.length) : random.size(bytes.length - 1) % bytes.length
  copy[at] = change(copy[at])
  return copy
}

/** `bytes` with one error, rarely with several. */
function mutate (random, bytes) {
  do bytes = random.pick(MUTATIONS)(random, bytes)
  while (random.once(4))
  return bytes
}

/** Mutates the bytes once in `share` times. */
function perhaps (random, bytes, share = 4) {
  return random.once(share) ? mutate(random, bytes) : bytes
}

/** How bytes are split into writes: options of a step that sends them. */
function cuts (random, length) {
  if (length === 0 || random.below(3) > 0) return {}
  // A segment per byte if there are few, and otherwise not many thousand segments.
  const size = length < 2000 ? random.between(1, 1 + random.size(length)) : random.between(Math.ceil(length / 400), length)
  return { cut: size, gap: random.once(4) ? 1 : 0 }
}

module.exports = { cuts, mutate, perhaps }
