'use strict'

const { IMPLEMENTATIONS } = require('../implementations')
const { medianOf, ratioOf } = require('../lib/statistics')
const { number, ratio } = require('./numbers')
const { compare } = require('./wanted')

const label = name => IMPLEMENTATIONS[name].label

const table = (head, rows) => [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n')

/** A table for each workload: a line for each implementation, a column for each figure. */
function workloadTable ({ name, seen }, who) {
  const [base] = who
  const metrics = Object.keys(Object.values(seen).flat().find(run => run) || {})
  const rows = who.map(name => [
    label(name),
    ...metrics.map(metric => {
      const value = number(medianOf(seen[name], metric))
      return name === base || value === '-' ? value : `${value} (${ratio(ratioOf(seen[name], seen[base], metric))})`
    })
  ])
  return table([name, ...metrics], rows)
}

function groupSection ({ name, title, note, who, workloads }) {
  return [
    `## ${title}`,
    note,
    `![${title}](charts/${name}.svg)`,
    ...workloads.map(workload => workloadTable(workload, who))
  ].filter(Boolean).join('\n\n')
}

function wantedSection (results) {
  const rows = compare(results).map(({ what, wanted, seen, ok }) => [what, wanted, seen, ok ? 'yes' : 'no'])
  return rows.length === 0 ? '' : `## Goals and results\n\n${table(['ours', 'goal', 'result', 'reached'], rows)}`
}

function failureSection ({ failures }) {
  if (failures.length === 0) return ''
  const rows = failures.map(({ group, workload, label, message }) => [group, workload, label, message])
  return `## Failed rounds\n\n${table(['group', 'work', 'who', 'why'], rows)}`
}

/** A run as a page. */
function markdown (results) {
  return [
    '# Benchmark results',
    `Written by \`npm run bench\`. Medians of ${results.rounds} interleaved rounds; in parentheses the median of the rounds' ratios to the first line. Each side runs in its own process; all share the machine's cores. CPU is per request or delivery.`,
    table(['', ''], Object.entries(results.machine)),
    wantedSection(results),
    ...results.groups.map(groupSection),
    failureSection(results)
  ].filter(Boolean).join('\n\n') + '\n'
}

module.exports = { markdown }
