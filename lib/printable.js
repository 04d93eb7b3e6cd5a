'use strict'

// Texts of others, for a terminal: they may not move its cursor, paint over what stands there, or
// turn the direction of writing.

const { MAX_LINE } = require('./defaults')

/**
 * C0 and C1 control characters, line separators, and what sets the direction of text (Unicode
 * Standard Annex #9).
 */
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** The text with such characters as JSON writes them; `but` are left as they are. */
function printable (text, but = '') {
  return text.replace(CONTROL, character => but.includes(character)
    ? character
    : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** The value as a part of a line: any JSON. */
function inLine (value) {
  const text = typeof value === 'string' ? value : jsonOf(value)
  return printable(text.length > MAX_LINE ? `${text.slice(0, MAX_LINE)}...` : text)
}

function jsonOf (value) {
  try {
    return String(JSON.stringify(value))
  } catch (err) {
    return err.message
  }
}

module.exports = { inLine, printable }
