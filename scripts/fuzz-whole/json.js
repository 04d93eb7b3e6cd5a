'use strict'

// Unusual JSON texts: deep, wide, long, odd, and almost JSON.

/** Nesting: below, about and above the limit of recursive code. */
const DEPTHS = [1, 3, 30, 300, 1000, 2000, 4200, 6000, 10000, 20000, 100000]

/** Names with a meaning to JavaScript, and to this package. */
const NAMES = [
  '__proto__', 'constructor', 'prototype', 'toJSON', 'toString', 'valueOf', 'then', 'length', 'message', 'code',
  'name', 'hasOwnProperty', '0', '-1', '', 'a', 'data', 'rid', 'key', 'v', 'type', '$ref', '\\u0000', '\\ud800', ' '
]

const NUMBERS = [
  '0', '-0', '1', '-1', '0.1', '1e400', '-1e400', '1e-400', '1E+2', '9007199254740993', '18446744073709551616',
  '4294967296', '2147483648', '-2147483649', '65536', '0.30000000000000004', '123456789012345678901234567890'
]

/** Texts that no JSON parser accepts, or only some do. */
const BROKEN = [
  '', ' ', '\ufeff', 'undefined', 'NaN', 'Infinity', '-', '+1', '01', '1.', '.5', '1e', '0x1', "'a'", '"', '"\\', '"\\u12',
  '"\\x41"', '"\n"', '"\0"', '[', ']', '[1,]', '[,]', '{', '}', '{"a"}', '{"a":}', '{"a":1,}', '{a:1}', '{1:1}', 'nul', 'true false',
  '[1] [2]', '//', '/**/1', '[1}', '{"a":[}', '\u2028', '1\0'
]

const ESCAPES = ['\\"', '\\\\', '\\/', '\\b', '\\f', '\\n', '\\r', '\\t', '\\u0000', '\\u001f', '\\u2028', '\\ud800', '\\udc00', '\\ud83d\\ude00', '\\uFFFF']
const LETTERS = ['a', 'Z', '0', ' ', '\x7f', '\u00e4', '\u2028', '\u{1f600}', '\ufeff', '\ufffd', '<', '%', '${', '{{']

const WHITESPACE = [' ', '\n', '\r\n', '\t', '   ']

function string (random, most = 64) {
  if (random.once(40)) return `"${random.pick(LETTERS).repeat(random.size(most * 4096))}"`
  if (random.once(40)) return `"${random.pick(ESCAPES).repeat(random.size(most * 512))}"`
  return `"${random.list(most, () => random.once(4) ? random.pick(ESCAPES) : random.pick(LETTERS)).join('')}"`
}

function number (random) {
  if (random.once(30)) return random.pick(['1', '9', '0.0', '1.']) + random.pick(['0', '9', '1']).repeat(1 + random.size(20000))
  return random.once(2) ? random.pick(NUMBERS) : String(random.next() - 0x80000000)
}

function name (random) {
  return random.once(2) ? `"${random.pick(NAMES)}"` : string(random, 8)
}

const scalar = random => random.weighted([
  [3, () => string(random)],
  [2, () => number(random)],
  [2, () => random.pick(['null', 'true', 'false'])]
])()

/** Nested arrays and objects with one element each. */
function deep (random) {
  const depth = random.pick(DEPTHS) + random.below(3)
  const [open, close] = random.pick([['[', ']'], ['{"a":', '}'], ['[{"":', '}]'], ['[0,', ',0]'], ['{"__proto__":', '}'], ['{"message":', '}'], ['[\n', '\n]']])
  const inner = random.once(2) ? scalar(random) : random.pick(['[]', '{}', '0'])
  // Sometimes they are not closed.
  return open.repeat(depth) + inner + (random.once(8) ? '' : close.repeat(depth))
}

/** Most bytes of repeated parts: how much a service accepts at once is its own choice. */
const WIDE = 2 << 20

/** Many elements of one kind. */
function wide (random) {
  const count = random.size(random.once(20) ? 200000 : 5000)
  const again = (part, most = count) => part.repeat(Math.min(count, most, Math.ceil(WIDE / part.length)))
  switch (random.below(4)) {
    case 0: return `[${random.pick(['0', '[]', '{}', '""', 'null', '1.5', '{"a":1}', '[[[]]]'])}${again(`,${random.pick(['0', '[]', '{}', '""'])}`)}]`
    // The same key repeated.
    case 1: return `{${again(`${name(random)}:${scalar(random)},`, 2000)}"last":0}`
    // Distinct keys: objects become dictionaries.
    case 2: return `{${Array.from({ length: count % 50000 }, (_, at) => `"${at.toString(36)}":${at}`).join(',')}}`
    default: return `[${again(`${scalar(random)},`, 500)}0]`
  }
}

/** A random tree of at most `budget` levels. */
function tree (random, budget = 4) {
  if (budget === 0 || random.once(3)) return scalar(random)
  const space = () => random.once(6) ? random.pick(WHITESPACE) : ''
  const items = random.list(6, () => {
    const item = `${space()}${tree(random, budget - 1)}${space()}`
    return [`${space()}${name(random)}${space()}:${item}`, item]
  })
  return random.once(2) ? `[${items.map(([, item]) => item).join(',')}]` : `{${items.map(([pair]) => pair).join(',')}}`
}

/** A value as JSON, of any kind. */
function value (random) {
  return random.weighted([
    [8, () => scalar(random)],
    [6, () => tree(random)],
    [3, () => deep(random)],
    [2, () => wide(random)]
  ])()
}

/** An ordinary value. */
function plain (random) {
  return random.pick(['"hello"', '{"hello":"world"}', '[1,2,3]', '42', 'null', '""', '"\u00e4\u{1f600}"'])
}

/** A text that may not be JSON. */
function text (random) {
  return random.weighted([
    [8, () => value(random)],
    [2, () => random.pick(BROKEN)],
    [1, () => random.pick(WHITESPACE).repeat(random.size(5000)) + value(random)],
    [1, () => value(random) + random.pick(BROKEN)],
    [1, () => '\ufeff' + value(random)]
  ])()
}

/** Bytes that are not UTF-8. */
const BAD_UTF8 = ['ff', 'c0af', 'eda080', 'edb080', 'f4908080', 'e28c', 'c3', '80', 'f8888080', 'fe'].map(hex => Buffer.from(hex, 'hex'))

/** The bytes of a text, rarely with some that are not UTF-8. */
function bytes (random, text) {
  const bytes = Buffer.from(text)
  if (!random.once(12)) return bytes
  const at = random.below(bytes.length + 1)
  return Buffer.concat([bytes.subarray(0, at), random.pick(BAD_UTF8), bytes.subarray(at)])
}

module.exports = { BROKEN, DEPTHS, NAMES, bytes, deep, name, number, plain, scalar, string, text, tree, value, wide }
