'use strict'

// Interprets option values of any type: see docs/OPTIONS.md. The list of options is in optionTable.js.

const { badValue } = require('../errors/errors')

/** What a kind's `read` returns for an invalid value. */
const NOTHING = Symbol('nothing')

/** The meaning of 0: the maximum, or the default. */
const NO_LIMIT = Symbol('no limit')
const DEFAULT = Symbol('default')

/** As in `bytes` of the original's `raw-body`. */
const UNITS = { '': 1, b: 1, kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30, tb: 2 ** 40, pb: 2 ** 50 }
const SIZE = /^\s*([+-]?\d+(?:\.\d+)?)\s*([kmgtp]?b)\s*$/i

/** Equal to a missing option: unset environment variables are often empty strings. */
function isLeftOut (value) {
  return value === undefined || value === null || value === ''
}

/** One option of one class or call. */
class Option {
  /**
   * @param {object} kind `wanted` describes valid values for people; `read(value)` returns the meaning of one;
   *   `isDecisive`: an empty string is a value; `isSecret`: no message shows the value; `kind`, `most` and `zero` are
   *   for the documentation
   * @param {*} [fallback] its meaning when left out
   */
  constructor (kind, fallback) {
    this.name = ''
    this.kind = kind
    this.fallback = fallback
  }

  /** The meaning of `value`; throws ERR_OPTION for an invalid one. */
  of (value) {
    if (isLeftOut(value) && !(value === '' && this.kind.isDecisive)) return this.fallback
    const read = this.kind.read(value)
    if (read === NOTHING) throw badValue(this.name, value, this.kind.wanted, this.kind.isSecret)
    return read === DEFAULT ? this.fallback : read
  }
}

/** Options by their names. */
function table (options) {
  for (const [name, option] of Object.entries(options)) option.name = name
  return options
}

/** Throws ERR_OPTION for the first invalid option in `values`; unknown names are ignored. */
function check (options, values) {
  if (values === null || typeof values !== 'object') return
  for (const name of Object.keys(options)) options[name].of(values[name])
}

/**
 * A number, or a string with one; `false` is 0.
 * @param {object} of `most` is the maximum, to which larger values and Infinity are reduced; `zero` is the meaning of
 *   0, or NOTHING; values below `least` are invalid; `isWhole`: fractions are rounded up; `sizes`: accepts strings
 *   such as '8kb'
 */
function number (unit, { least = 0, most, zero = 0, isWhole = false, sizes = false }) {
  const read = value => {
    if (value === false) value = 0
    if (typeof value === 'string') value = numberOf(value, sizes)
    if (typeof value !== 'number' || !(value >= least)) return NOTHING
    if (value === 0) return zero === NO_LIMIT ? most : zero
    return Math.min(most, isWhole ? Math.ceil(value) : value)
  }
  const range = zero === NOTHING ? ', more than 0' : least > -Infinity ? `, ${least} or more` : ''
  return { kind: unit, wanted: `a number${unit === 'count' ? '' : ` of ${unit}`}${range}`, read, most, zero }
}

function numberOf (text, sizes) {
  const size = sizes ? SIZE.exec(text) : null
  if (size !== null) return Math.floor(size[1] * UNITS[size[2].toLowerCase()])
  return text.trim() === '' ? NaN : Number(text)
}

/** `true` or `false`: strings such as 'false' are ambiguous. */
const boolean = {
  kind: 'boolean',
  wanted: 'true or false',
  read: value => typeof value === 'boolean' ? value : NOTHING
}

/** A string; `false` means none. */
const text = {
  kind: 'text',
  wanted: 'a text',
  read: value => value === false ? DEFAULT : typeof value === 'string' ? value : NOTHING
}

const callable = {
  kind: 'function',
  wanted: 'a function',
  read: value => typeof value === 'function' ? value : NOTHING
}

/** An object of options; falsy values mean none. It may hold keys, which no message shows. */
const object = {
  kind: 'object',
  wanted: 'an object of options',
  isSecret: true,
  read: value => !value ? DEFAULT : typeof value === 'object' ? value : NOTHING
}

/** Its reader accepts anything, or has errors of its own. */
const anything = { kind: 'anything', wanted: 'anything', read: value => value }

const port = {
  kind: 'port',
  wanted: 'a port from 1 to 65535',
  read (value) {
    if (typeof value === 'string') value = numberOf(value)
    return Number.isInteger(value) && value > 0 && value < 65536 ? value : NOTHING
  }
}

function oneOf (...names) {
  return { kind: names.join(', '), wanted: names.join(' or '), read: value => names.includes(value) ? value : NOTHING }
}

/** A kind with its own `read`. */
function other (kind, wanted, read) {
  return { kind, wanted, read }
}

/**
 * A copy of a given `conf`, including properties inherited from a user's object, as with `Object.create(defaults)`.
 */
function copyOf (given) {
  const parent = given !== null && typeof given === 'object' ? Object.getPrototypeOf(given) : null
  if (parent === null || parent === Object.prototype) return { ...given }
  const inherited = {}
  for (const name in parent) inherited[name] = given[name]
  return { ...inherited, ...given }
}

/** A copy of `conf` with `defaults` for what it leaves out, including keys with an empty value. */
function withDefaults (defaults, conf) {
  const merged = { ...defaults, ...copyOf(conf) }
  for (const key of Object.keys(defaults)) {
    if (isLeftOut(merged[key])) merged[key] = defaults[key]
  }
  return merged
}

module.exports = {
  DEFAULT, NOTHING, NO_LIMIT, Option, anything, boolean, callable, check, copyOf, number, object, oneOf, other, port, table, text, withDefaults
}
