'use strict'

// The table of the README: each row is the latest result of its runtime and driver.

const fs = require('fs')
const path = require('path')

const README = path.join(__dirname, '..', '..', 'README.md')
const MARKED = /(<!-- runtimes -->\n)([^]*)(<!-- \/runtimes -->)/

/**
 * Explains failed tests; sets the row's `unexplained` to the number of those without an
 * explanation.
 */
function remark (row) {
  const failures = [...(row.conformance ? row.conformance.failures : [])]
  const parts = []
  for (const { text, tests } of row.deviations) {
    const own = failures.filter(({ title }) => tests.some(start => title.startsWith(start)))
    for (const failure of own) failures.splice(failures.indexOf(failure), 1)
    if (own.length > 0) parts.push(`${own.length} fail: ${text}`)
  }
  row.unexplained = failures.length + row.smoke.failures.length
  if (failures.length > 0) parts.push(`${failures.length} fail: ${failures.map(({ title }) => title).join('; ')}`)
  if (row.smoke.failures.length > 0) parts.push(`smoke fails: ${row.smoke.failures.join('; ')}`)
  return parts.join('. ')
}

const HEAD = [
  '| runtime | version | `io` | smoke | conformance | remarks |',
  '|---|---|---|---|---|---|'
]

const lineOf = row => `| ${[
  row.kind === 'node' ? 'Node' : row.title,
  row.version,
  row.io,
  `${row.smoke.passed} of ${row.smoke.total}`,
  `${row.conformance.passed} of ${row.conformance.total}`,
  row.remark
].join(' | ')} |`

/** The subject of a line: the runtime, for Node with the major version, and the driver. */
function subjectOf (line) {
  const [, name, version, io] = line.split('|').map(cell => cell.trim())
  return [name, name === 'Node' ? version.split('.')[0] : '', io].join()
}

/** Replaces the rows with the same subjects; `isWhole`: there are no others. */
function writeTable (rows, isWhole) {
  const readme = fs.readFileSync(README, 'utf8')
  if (!MARKED.test(readme)) throw new Error('README.md has no place for the table')
  const fresh = new Map(rows.map(lineOf).map(line => [subjectOf(line), line]))
  fs.writeFileSync(README, readme.replace(MARKED, (all, begin, old, end) => {
    const kept = isWhole ? [] : old.trim().split('\n').slice(HEAD.length)
    const lines = new Map(kept.map(line => [subjectOf(line), line]))
    for (const [subject, line] of fresh) lines.set(subject, line)
    return `${begin}${[...HEAD, ...lines.values()].join('\n')}\n${end}`
  }))
}

module.exports = { remark, writeTable }
