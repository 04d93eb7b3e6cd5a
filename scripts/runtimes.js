'use strict'

// `npm run test:runtimes`: the smoke checks and the conformance tests in every runtime that the
// README names, which it installs from the npm registry below target/runtimes. It writes the
// README's table, or the rows of the given runtimes.
//
//   npm run test:runtimes -- node18 deno     only these, and their rows
//   npm run test:runtimes -- --smoke         without the conformance tests, and writes nothing

const { cpus } = require('os')
const { parseArgs } = require('util')
const { RUNTIMES, install } = require('./runtimes/install')
const { conformance, smoke } = require('./runtimes/run')
const { deviationsOf } = require('./runtimes/deviations')
const { remark, writeTable } = require('./runtimes/table')

/** Test files that run in parallel. */
const CONCURRENCY = Math.min(2, cpus().length)

async function main () {
  const { values, positionals: wanted } = parseArgs({ options: { smoke: { type: 'boolean' } }, allowPositionals: true })
  for (const name of wanted) {
    if (!RUNTIMES.some(runtime => runtime.name === name)) {
      throw new Error(`${name} is none of ${RUNTIMES.map(runtime => runtime.name).join(', ')}`)
    }
  }
  const rows = []
  for (const runtime of RUNTIMES) {
    if (wanted.length > 0 && !wanted.includes(runtime.name)) continue
    const { version, command } = install(runtime)
    const deviations = await deviationsOf(runtime, command)
    for (const io of runtime.drivers) {
      const row = { ...runtime, version, io, deviations }
      console.log(`\n# ${runtime.title} ${version}, ${io}`)
      row.smoke = await smoke(command, io)
      console.log(`smoke: ${row.smoke.passed} of ${row.smoke.total}`)
      if (!values.smoke) {
        row.conformance = await conformance(runtime, command, io, CONCURRENCY)
        console.log(`conformance: ${row.conformance.passed} of ${row.conformance.total}`)
      }
      row.remark = remark(row)
      if (row.remark) console.log(row.remark)
      rows.push(row)
    }
  }
  if (!values.smoke) writeTable(rows, wanted.length === 0)
  const unexplained = rows.reduce((sum, row) => sum + row.unexplained, 0)
  const passed = rows.reduce((sum, row) => sum + row.smoke.passed + (row.conformance ? row.conformance.passed : 0), 0)
  console.log(`\n${passed} passed, ${unexplained} failed for a reason that is not the runtime's`)
  process.exitCode = unexplained > 0 ? 1 : 0
}

main().catch(err => {
  console.error(`# ${err.message}`)
  process.exit(1)
})
