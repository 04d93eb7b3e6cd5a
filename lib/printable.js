'use strict'

// Texts of others, for a terminal: they may not move its cursor, paint over what stands there, or
// turn the direction of writing.

const { MAX_LINE, PRINTED_AT_ONCE } = require('./defaults')

/**
 * C0 and C1 control characters, line separators, and what sets the direction of text (Unicode
 * Standard Annex #9).
 */
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** The text with such characters as JSON writes them; `but` are left as they are. */
function printable (text, but) {
  let shown = ''
  for (const piece of pieces(text, but)) shown += piece
  return shown
}

/**
 * The same in pieces: V8 keeps some 60 bytes for each character that is replaced, and ends the process
 * where they are too many.
 */
function * pieces (text, but = '') {
  const escaped = character => but.includes(character)
    ? character
    : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  for (let at = 0; at < text.length; at += PRINTED_AT_ONCE) {
    yield text.slice(at, at + PRINTED_AT_ONCE).replace(CONTROL, escaped)
  }
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

module.exports = { inLine, pieces, printable }
