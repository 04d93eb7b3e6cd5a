'use strict'

function median (values) {
  if (values.length === 0) return NaN
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}

/** The median of one figure of one implementation; failed rounds are left out. */
const medianOf = (runs, what) => median(runs.filter(run => run).map(run => run[what]))

/** The median of the rounds' ratios. */
function ratioOf (runs, others, what) {
  return median(runs.flatMap((run, at) => run && others[at] ? [run[what] / others[at][what]] : []))
}

module.exports = { medianOf, ratioOf }
