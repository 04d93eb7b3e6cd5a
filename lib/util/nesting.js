'use strict'

// Nesting depth of a JSON text that the native side has not checked: see src/rpc/depth.rs.

const { MAX_NESTING, REFUSED_ID } = require('../options/defaults')

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const COMMA = 0x2c
const OPEN = [0x5b, 0x7b]
const CLOSE = [0x5d, 0x7d]

/** The id of a request or reply, if it is a plain string. */
const ID = new RegExp(`^\\s*\\[\\s*"([^"\\\\]{0,${REFUSED_ID}})"`)

/** Whether a JSON text nests more than MAX_NESTING arrays and objects. */
function isNested (text) {
  // Each level has two brackets.
  if (text.length <= 2 * MAX_NESTING) return false
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      at = stringEnd(text, at + 1)
    } else if (code === OPEN[0] || code === OPEN[1]) {
      if (++depth > MAX_NESTING) return true
    } else if (code === CLOSE[0] || code === CLOSE[1]) {
      depth--
    }
  }
  return false
}

/**
 * Length of a JSON text without blanks once `JSON.stringify` indents it by 2; for empty arrays and objects an
 * overestimate.
 */
function lengthOfLines (text) {
  let length = text.length
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = stringEnd(text, at + 1)
    else if (code === COLON) length++
    else if (code === COMMA) length += 1 + 2 * depth
    else if (code === OPEN[0] || code === OPEN[1]) length += 1 + 2 * ++depth
    else if (code === CLOSE[0] || code === CLOSE[1]) length += 1 + 2 * --depth
  }
  return length
}

/** Index of the closing quote of a string whose text begins at `from`; the text's length if there is none. */
function stringEnd (text, from) {
  for (;;) {
    const quote = text.indexOf('"', from)
    if (quote < 0) return text.length
    let escapes = 0
    while (text.charCodeAt(quote - 1 - escapes) === BACKSLASH) escapes++
    if (escapes % 2 === 0) return quote
    from = quote + 1
  }
}

/** The id of a message that nests too deep; `undefined` if it does not, or the id cannot be found. */
function refusedId (data) {
  if (typeof data !== 'string' && !Buffer.isBuffer(data)) return undefined
  const text = String(data)
  const id = ID.exec(text)
  return id !== null && isNested(text) ? id[1] : undefined
}

module.exports = { isNested, lengthOfLines, refusedId }
