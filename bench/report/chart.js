'use strict'

// Bar charts as SVG, written by hand: readable on light and dark pages.

const { IMPLEMENTATIONS } = require('../implementations')
const { medianOf } = require('../lib/statistics')
const { number } = require('./numbers')

const WIDTH = 640
const LABEL = 150
const FIGURE = 80
const BAR = WIDTH - LABEL - FIGURE
const LINE = 20
const HEAD = 30

const OURS = ['libuv', 'tokio', 'busy', 'newOld', 'oldNew', 'newNew']

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .head { font-weight: 600 }
  .other { fill: #8c959f }
  .ours { fill: #cf5a1c }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .other { fill: #6e7681 }
    .ours { fill: #f0883e }
  }`

const escape = text => text.replace(/&/g, '&amp;').replace(/</g, '&lt;')

/** One figure of one workload: a bar for each implementation. */
function block (workload, metric, who, top) {
  const bars = who
    .map(name => ({ name, value: medianOf(workload.seen[name], metric) }))
    .filter(({ value }) => Number.isFinite(value))
  const longest = Math.max(...bars.map(({ value }) => value))
  const better = metric.endsWith('/s') ? 'more is better' : 'less is better'
  const lines = bars.map(({ name, value }, at) => {
    const y = top + HEAD + at * LINE
    const width = Math.max(1, BAR * value / longest).toFixed(1)
    return `<text x="${LABEL - 8}" y="${y + 11}" text-anchor="end">${escape(IMPLEMENTATIONS[name].label)}</text>` +
      `<rect x="${LABEL}" y="${y}" width="${width}" height="14" rx="2" class="${OURS.includes(name) ? 'ours' : 'other'}"/>` +
      `<text x="${LABEL + Number(width) + 6}" y="${y + 11}">${number(value)}</text>`
  })
  const head = `<text x="0" y="${top + 16}" class="head">${escape(`${workload.name}: ${metric}, ${better}`)}</text>`
  return { svg: [head, ...lines].join('\n'), bottom: top + HEAD + bars.length * LINE + 8 }
}

/** The chart of a group. */
function chart ({ title, who, workloads }) {
  const blocks = []
  let top = 0
  for (const workload of workloads) {
    for (const metric of workload.chart) {
      const { svg, bottom } = block(workload, metric, who, top)
      blocks.push(svg)
      top = bottom
    }
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${top}" viewBox="0 0 ${WIDTH} ${top}" role="img">
<title>${escape(title)}</title>
<style>${STYLE}
</style>
${blocks.join('\n')}
</svg>
`
}

module.exports = { chart }
