'use strict'

// Makes foreign text safe for a terminal: it must not move the cursor, overwrite text, or change the writing
// direction.

const { MAX_LINE, PRINTED_AT_ONCE } = require('../options/defaults')

/**
 * C0 and C1 control characters, line separators, and controls of the text's direction (Unicode Standard Annex #9).
 */
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** The text with these characters escaped as in JSON, except those in `but`. */
function printable (text, but) {
  let shown = ''
  for (const piece of pieces(text, but)) shown += piece
  return shown
}

/**
 * The same in pieces: V8 needs some 60 bytes for each replaced character, and ends the process if there are too many.
 */
function * pieces (text, but = '') {
  const escaped = character => but.includes(character)
    ? character
    : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  for (let at = 0; at < text.length; at += PRINTED_AT_ONCE) {
    yield text.slice(at, at + PRINTED_AT_ONCE).replace(CONTROL, escaped)
  }
}

/** A JSON value as part of a line. */
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
