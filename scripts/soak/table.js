'use strict'

// The figures of a soak, as text.

const { TOLERANCE } = require('./judge')

const MIB = 1024 * 1024
const number = value => value.toLocaleString('en', { maximumFractionDigits: 1 })

/** Lines of aligned columns; the first is a name. */
function columns (rows) {
  const widths = rows[0].map((_, at) => Math.max(...rows.map(row => row[at].length)))
  return rows.map(row => row.map((cell, at) => at === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[at])).join('  ').trimEnd())
}

/** The counts of all processes of a name. */
function totals (actors) {
  const byName = new Map()
  for (const { name, counts, worst } of actors) {
    const total = byName.get(name) || { processes: 0, counts: {}, worst: {} }
    byName.set(name, total)
    total.processes++
    for (const [what, count] of Object.entries(counts)) total.counts[what] = (total.counts[what] || 0) + count
    for (const [what, value] of Object.entries(worst)) total.worst[what] = Math.max(total.worst[what] || 0, value)
  }
  return byName
}

function print (actors, { passed, failures, figures }) {
  const units = { rss: MIB }
  const names = Object.keys(TOLERANCE)
  const rows = [['second -> last quarter', ...names.map(name => name === 'rss' ? 'rss, MiB' : name)]]
  for (const [{ name }, medians] of figures) {
    rows.push([name, ...names.map(figure => {
      const [second, last] = ['second', 'last'].map(at => number(medians[figure][at] / (units[figure] || 1)))
      return second === last ? last : `${second} -> ${last}`
    })])
  }
  console.log(`\n${columns(rows).join('\n')}\n`)

  const counted = [['counted', '', '']]
  for (const [name, { processes, counts, worst }] of totals(actors)) {
    const told = processes > 1 ? `${name} (${processes})` : name
    for (const [what, count] of Object.entries(counts).sort()) counted.push([told, what, number(count)])
    for (const [what, value] of Object.entries(worst)) counted.push([told, `worst ${what}, ms`, number(value)])
  }
  console.log(`${columns(counted).join('\n')}\n`)

  for (const text of failures) console.log(`not ok: ${text}`)
  console.log(failures.length > 0 ? `${failures.length} failed` : `${passed} passed`)
}

module.exports = { print }
