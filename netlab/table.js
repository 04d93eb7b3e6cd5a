'use strict'

// The table of docs/NETWORKS.md: results of the scenarios. Cells without a new result stay.

const fs = require('fs')
const path = require('path')

const PAGE = path.join(__dirname, '..', 'docs', 'NETWORKS.md')
const BEGIN = '<!-- netlab -->'
const END = '<!-- /netlab -->'

const COLUMNS = { original: 'original', libuv: 'libuv', tokio: 'tokio', 'libuv-tls': 'TLS' }
const NOT_PLAYED = '?'

/** `{ 'failed (%)': 0.1 }` in words. */
function written (figures) {
  return Object.entries(figures).filter(([, value]) => value !== '').map(([name, value]) => {
    const [, what, unit] = /^(.*?)(?: \((.*)\))?$/.exec(name)
    if (value === null) return `${what}: never`
    return `${what}: ${value.toLocaleString('en')}${unit ? ` ${unit}` : ''}`
  }).join('<br>')
}

function cellOf ({ figures, problem }) {
  if (figures) return written(figures)
  return problem.message.split('\n')[0].replace(/\|/g, '/')
}

/** The cells of each row of a table, by the first cell. */
function cellsOf (text) {
  const rows = text.split('\n').filter(line => line.startsWith('| ')).map(line => line.slice(2, -2).split(' | '))
  return new Map(rows.map(([title, ...cells]) => [title, cells]))
}

/** Writes `results` into the page. */
function write (scenarios, results, concerns) {
  const page = fs.readFileSync(PAGE, 'utf8')
  const [before, rest] = page.split(BEGIN)
  const [old, after] = rest.split(END)
  const known = cellsOf(old)
  const names = Object.keys(COLUMNS)
  const lines = scenarios.map(scenario => {
    const cells = names.map((name, at) => {
      if (!concerns(scenario, name)) return scenario.of === 'grapes' ? 'as libuv' : ''
      const result = results.find(result => result.scenario === scenario && result.name === name)
      const was = known.get(scenario.title)
      return result ? cellOf(result) : (was && was[at]) || NOT_PLAYED
    })
    return `| ${[scenario.title, ...cells].join(' | ')} |`
  })
  const head = [`| what happens | ${Object.values(COLUMNS).join(' | ')} |`, `|---${'|---'.repeat(names.length)}|`]
  fs.writeFileSync(PAGE, [before, BEGIN, '\n', [...head, ...lines].join('\n'), '\n', END, after].join(''))
}

module.exports = { write }
