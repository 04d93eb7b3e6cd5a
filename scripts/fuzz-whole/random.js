'use strict'

// Seeded random numbers: the same seed gives the same numbers, on every machine.

/** A number of 32 bits from a text (FNV-1a). */
function hashOf (text) {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash >>> 0
}

/** Four independent numbers from one (splitmix32). */
function spread (seed) {
  return Uint32Array.from({ length: 4 }, () => {
    seed = (seed + 0x9e3779b9) >>> 0
    let z = seed
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return (z ^ (z >>> 15)) >>> 0
  })
}

const rotate = (value, by) => (value << by) | (value >>> (32 - by))

/** The generator xoshiro128**, with helpers. */
class Random {
  /** @param {...(string|number)} seeds all of them count */
  constructor (...seeds) {
    this._state = spread(hashOf(seeds.join('/')))
  }

  /** A whole number from 0 to 2^32 - 1. */
  next () {
    const s = this._state
    const result = Math.imul(rotate(Math.imul(s[1], 5), 7), 9) >>> 0
    const t = s[1] << 9
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = rotate(s[3], 11)
    return result
  }

  /** From 0 to `count - 1`. */
  below (count) {
    return Math.floor(this.next() / 0x100000000 * count)
  }

  /** From `from` to `to`, both included. */
  between (from, to) {
    return from + this.below(to - from + 1)
  }

  /** True with probability 1 in `count`. */
  once (count) {
    return this.below(count) === 0
  }

  pick (list) {
    return list[this.below(list.length)]
  }

  /** One of `[weight, value]` pairs. */
  weighted (pairs) {
    let left = this.below(pairs.reduce((sum, [weight]) => sum + weight, 0))
    for (const [weight, value] of pairs) {
      if (left < weight) return value
      left -= weight
    }
  }

  /** From 0 to `most`; small ones are as likely as large ones. */
  size (most) {
    return Math.floor(2 ** (this.next() / 0x100000000 * Math.log2(most + 1))) - 1 + this.below(2)
  }

  /** A random number of results of `make()`, distributed as `size`. */
  list (most, make) {
    return Array.from({ length: this.size(most) }, (_, at) => make(at))
  }

  bytes (length) {
    const bytes = Buffer.allocUnsafe(length)
    for (let at = 0; at < length; at += 4) {
      const word = this.next()
      for (let byte = 0; byte < 4 && at + byte < length; byte++) bytes[at + byte] = word >>> (8 * byte)
    }
    return bytes
  }
}

module.exports = { Random }
