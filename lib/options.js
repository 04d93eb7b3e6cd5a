'use strict'

// What a value of an option means, whatever its type: see docs/OPTIONS.md. Which options there are
// stands in option-table.js.

const { badValue } = require('./errors')

/** What a kind reads of a value that means nothing. */
const NOTHING = Symbol('nothing')

/** What 0 means: as much as there can be, or as if left out. */
const NO_LIMIT = Symbol('no limit')
const DEFAULT = Symbol('default')

/** As `bytes` of the original's `raw-body` has them. */
const UNITS = { '': 1, b: 1, kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30, tb: 2 ** 40, pb: 2 ** 50 }
const SIZE = /^\s*([+-]?\d+(?:\.\d+)?)\s*([kmgtp]?b)\s*$/i

/** As if the option was not there: environment variables that are not set are often empty texts. */
function isLeftOut (value) {
  return value === undefined || value === null || value === ''
}

/** One option of one class or call. */
class Option {
  /**
   * @param {object} kind `wanted` is what a value has to be, for people; `read(value)` says what one
   *   means; `isDecisive`: an empty text is not as if left out; `isSecret`: no message shows it; `kind`,
   *   `most` and `zero` are for the documentation
   * @param {*} [fallback] what it means when left out
   */
  constructor (kind, fallback) {
    this.name = ''
    this.kind = kind
    this.fallback = fallback
  }

  /** What `value` means; throws ERR_OPTION for one that means nothing. */
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

/** Throws ERR_OPTION for the first of the options in `values` that means nothing; others are nobody's concern. */
function check (options, values) {
  if (values === null || typeof values !== 'object') return
  for (const name of Object.keys(options)) options[name].of(values[name])
}

/**
 * A number, or a text of one; `false` is 0.
 * @param {object} of `most` is what more is taken for, Infinity too; `zero` what 0 means, NOTHING too;
 *   below `least` it is none; `isWhole`: fractions are rounded up; `sizes`: takes texts such as '8kb'
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

/** `true` or `false`: of texts such as 'false' nobody knows what is meant. */
const boolean = {
  kind: 'boolean',
  wanted: 'true or false',
  read: value => typeof value === 'boolean' ? value : NOTHING
}

/** A text; `false` is none. */
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

/** An object of options; whatever is falsy is none. It may hold keys, which no message shows. */
const object = {
  kind: 'object',
  wanted: 'an object of options',
  isSecret: true,
  read: value => !value ? DEFAULT : typeof value === 'object' ? value : NOTHING
}

/** Its reader takes anything, or has errors of its own. */
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

/** Whatever `read` understands. */
function other (kind, wanted, read) {
  return { kind, wanted, read }
}

/**
 * A copy of what is given as `conf`, with what it inherits from an object that is somebody's too, as from
 * `Object.create(defaults)`.
 */
function copyOf (given) {
  const parent = given !== null && typeof given === 'object' ? Object.getPrototypeOf(given) : null
  if (parent === null || parent === Object.prototype) return { ...given }
  const inherited = {}
  for (const name in parent) inherited[name] = given[name]
  return { ...inherited, ...given }
}

/** A copy of `conf` with `defaults` for what it leaves out, also where it names a key and says nothing. */
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
