'use strict'

// Compares this package with the original and with alternatives, in one interleaved run, each side
// in its own process. Only ratios of one run are meaningful: the machine may be busy with other
// work.
//
//   npm run bench [-- --rounds 5] [--only calls | --only "64 in flight"] [--io libuv|tokio]
// [--quick]
//
// A whole run writes RESULTS.md and charts/, and takes about 20 minutes. A part of it, or a quick
// one that only shows that everything works, prints its tables and writes results-partial/.

const fs = require('fs')
const path = require('path')
const { parseArgs } = require('util')
const { IMPLEMENTATIONS, available } = require('./implementations')
const { makeCertificates } = require('./lib/certificates')
const { prepare } = require('./lib/programs')
const { runRounds } = require('./lib/rounds')
const { machine } = require('./report/machine')
const { writeReport } = require('./report')
const { groups } = require('./workloads')

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string' },
    io: { type: 'string' },
    quick: { type: 'boolean', default: false }
  }
})

/** The groups, or the parts of them that `--only` names. */
function chosen () {
  const all = groups(options.quick)
  if (!options.only) return all
  return all
    .map(group => group.name === options.only
      ? group
      : { ...group, workloads: group.workloads.filter(({ name }) => `${group.title}: ${name}`.includes(options.only)) })
    .filter(({ workloads }) => workloads.length > 0)
}

async function main () {
  const rounds = Number(options.rounds)
  if (!(rounds > 0)) throw new Error('--rounds wants a number')
  if (options.io && !['libuv', 'tokio'].includes(options.io)) throw new Error('--io wants libuv or tokio')
  prepare()
  const results = { machine: machine(), rounds, groups: [], failures: [] }
  for (const { who, workloads, ...group } of chosen()) {
    const names = available(who, options.io)
    const implementations = Object.fromEntries(names.map(name => [name, IMPLEMENTATIONS[name]]))
    const measured = []
    for (const workload of workloads) {
      const started = Date.now()
      const seen = await runRounds(workload, implementations, rounds, (name, { message }) => {
        const { label } = IMPLEMENTATIONS[name]
        console.error(`${group.title}: ${workload.name}: ${label} failed: ${message}`)
        results.failures.push({ group: group.title, workload: workload.name, label, message })
      })
      measured.push({ name: workload.name, chart: workload.chart || group.chart, seen })
      console.error(`${group.title}: ${workload.name}: ${Math.round((Date.now() - started) / 1000)} s`)
    }
    results.groups.push({ ...group, who: names, workloads: measured })
  }
  const partial = options.quick || options.only || options.io
  const folder = partial ? path.join(__dirname, 'results-partial') : __dirname
  writeReport(results, folder, { print: partial })
  if (results.failures.length > 0) process.exitCode = 1
}

main()
  .catch(err => {
    console.error(err)
    process.exitCode = 1
  })
  .finally(() => fs.rmSync(makeCertificates.folder || '', { recursive: true, force: true }))
