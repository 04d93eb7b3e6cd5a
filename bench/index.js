'use strict'

// Measures this package against the original in one interleaved run, each side a process of
// its own. Only ratios mean anything: the machine may be busy with other things.
//
//   npm run bench [-- --rounds 5] [--only "64 in flight"]

const { Child, freePort } = require('./lib/processes')
const { parseArgs } = require('util')

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, only: { type: 'string' } }
})

/** `total` requests are measured, after `warm` others. */
const WORKLOADS = [
  { name: '100,000 at once, cold', inFlight: 100000, total: 100000, warm: 0 },
  { name: '1 in flight', inFlight: 1, total: 5000, warm: 1000 },
  { name: '64 in flight', inFlight: 64, total: 200000, warm: 50000 },
  { name: '1024 in flight', inFlight: 1024, total: 200000, warm: 50000 }
].filter(({ name }) => !options.only || name === options.only)

const IMPLEMENTATIONS = ['original', 'native']
const PAYLOAD = 'hello'

async function measure (implementation, { inFlight, total, warm }) {
  const port = await freePort()
  const server = new Child('peer.js', [implementation, 'server', String(port)])
  await server.ready
  const client = new Child('peer.js', [implementation, 'client', `127.0.0.1:${port}`])
  await client.ready
  if (warm > 0) await client.ask({ inFlight, total: warm, payload: PAYLOAD })
  const before = await server.ask({})
  const { result } = await client.ask({ inFlight, total, payload: PAYLOAD })
  const after = await server.ask({})
  await Promise.all([client.stop(), server.stop()])
  return {
    rate: total / result.seconds,
    p50: result.p50,
    p99: result.p99,
    clientCpu: result.cpu,
    serverCpu: (after.cpu - before.cpu) / total
  }
}

function median (values) {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}

const COLUMNS = ['rate', 'p50', 'p99', 'clientCpu', 'serverCpu']
const UNITS = { rate: 'requests/s', p50: 'p50 us', p99: 'p99 us', clientCpu: 'client CPU us', serverCpu: 'server CPU us' }

async function main () {
  const rounds = Number(options.rounds)
  const rows = []
  for (const workload of WORKLOADS) {
    const seen = { original: [], native: [] }
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 ? [...IMPLEMENTATIONS].reverse() : IMPLEMENTATIONS
      for (const implementation of order) {
        seen[implementation].push(await measure(implementation, workload))
      }
    }
    for (const column of COLUMNS) {
      rows.push({
        workload: workload.name,
        what: UNITS[column],
        original: +median(seen.original.map(run => run[column])).toFixed(1),
        native: +median(seen.native.map(run => run[column])).toFixed(1),
        ratio: +median(seen.native.map((run, at) => run[column] / seen.original[at][column])).toFixed(3)
      })
    }
  }
  console.log(`medians of ${rounds} interleaved rounds; Node ${process.version}`)
  console.table(rows)
}

main().catch(err => {
  console.error(err)
  process.exit(1)
})
