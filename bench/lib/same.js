'use strict'

/**
 * Whether two JSON values are equal. Cheaper than assert.deepStrictEqual, which would be measured
 * too.
 */
function same (a, b) {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false
    for (let at = 0; at < a.length; at++) if (!same(a[at], b[at])) return false
    return true
  }
  let count = 0
  for (const key in a) {
    if (!same(a[key], b[key])) return false
    count++
  }
  for (const key in b) if (b[key] !== undefined) count--
  return count === 0
}

module.exports = { same }
