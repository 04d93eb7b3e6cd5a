'use strict'

// The table of the README, made of what one whole run saw.

const fs = require('fs')
const path = require('path')

const README = path.join(__dirname, '..', '..', 'README.md')
const MARKED = /(<!-- runtimes -->\n)[^]*(<!-- \/runtimes -->)/

/** Says why tests failed; sets the row's `unexplained` to the number of those that nothing explains. */
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

function writeTable (rows) {
  const lines = rows.map(row => `| ${[
    row.kind === 'node' ? 'Node' : row.title,
    row.version,
    row.io,
    `${row.smoke.passed} of ${row.smoke.total}`,
    `${row.conformance.passed} of ${row.conformance.total}`,
    row.remark
  ].join(' | ')} |`)
  const table = [
    '| runtime | version | `io` | smoke | conformance | remarks |',
    '|---|---|---|---|---|---|',
    ...lines
  ].join('\n')
  const readme = fs.readFileSync(README, 'utf8')
  if (!MARKED.test(readme)) throw new Error('README.md has no place for the table')
  fs.writeFileSync(README, readme.replace(MARKED, (all, begin, end) => `${begin}${table}\n${end}`))
}

module.exports = { remark, writeTable }
