'use strict'

// Suggestions for misspelled words.

/** Maximum of one-letter changes between a misspelled word and the right one. */
const MOST_CHANGES = 2

/** The word of `known` that is nearest to `word`; undefined when none is near. */
function nearest (word, known) {
  const far = MOST_CHANGES + 1
  const [best] = known.map(name => ({ name, changes: changes(word, name, far) }))
    .filter(({ name, changes }) => changes < Math.min(far, name.length))
    .sort((a, b) => a.changes - b.changes)
  return best && best.name
}

/** The number of letters to insert, delete, replace or swap with the next; at most `far`. */
function changes (from, to, far) {
  if (Math.abs(from.length - to.length) >= far) return far
  const rows = [[], Array.from({ length: to.length + 1 }, (_, at) => at)]
  for (let i = 1; i <= from.length; i++) {
    const [before, last] = rows.slice(-2)
    const row = [i]
    for (let j = 1; j <= to.length; j++) {
      const isSame = from[i - 1] === to[j - 1]
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (isSame ? 0 : 1))
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) row[j] = Math.min(row[j], before[j - 2] + 1)
    }
    rows.push(row)
  }
  return Math.min(far, rows[rows.length - 1][to.length])
}

/** `; did you mean <word>?`, or nothing. */
function didYouMean (word, known) {
  const found = nearest(word, known)
  return found === undefined ? '' : `; did you mean ${found}?`
}

module.exports = { didYouMean }
