'use strict'

// The tables of docs/API.md, and of other pages.

const fs = require('fs')
const path = require('path')
const { ROOT } = require('../source/source')

const codes = cell => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text)
const cells = line => line.split('|').slice(1, -1).map(cell => cell.trim())

/** What is named in `x(a[, b])`. */
const nameOf = code => (/^\[[^\]]+\]|^[\w$]+/.exec(code) || [code])[0]

/**
 * The rows of all tables: `{ kind, section, names, codes, cells, headers }`. `kind` is the header of
 * the first column; `section` what the headings above have in code font, the nearest that has some;
 * `codes` what stands in code font in the first column.
 */
function rows (page = 'API.md') {
  return rowsOf(path.join('docs', page))
}

/** The same of any page. */
function rowsOf (page) {
  const found = []
  const headings = []
  let headers = null
  for (const line of fs.readFileSync(path.join(ROOT, page), 'utf8').split('\n')) {
    const heading = /^(#+) (.*)$/.exec(line)
    if (heading) headings.splice(heading[1].length - 1, Infinity, ...Array(Math.max(0, heading[1].length - 1 - headings.length)).fill([]), codes(heading[2]))
    if (!line.startsWith('|')) {
      headers = null
    } else if (headers === null) {
      headers = cells(line)
    } else if (!/^[|\s:-]+$/.test(line)) {
      const row = cells(line)
      const section = [...headings].reverse().find(names => names.length > 0) || []
      found.push({ kind: headers[0], section, names: codes(row[0]).map(nameOf), codes: codes(row[0]), cells: row, headers })
    }
  }
  return found
}

module.exports = { codes, rows, rowsOf }
