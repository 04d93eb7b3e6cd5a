'use strict'

// Measures this package against the original in one interleaved run, each side a process of
// its own. Only ratios mean anything: the machine may be busy with other things.
//
//   npm run bench [-- --rounds 5] [--only "64 in flight"] [--io libuv|tokio]

const fs = require('fs')
const { Child, freePort } = require('./lib/processes')
const { makeCertificates } = require('./lib/certificates')
const { parseArgs } = require('util')

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string' },
    io: { type: 'string' }
  }
})

if (options.io) process.env.GRENACHE_IO = options.io

const SUBSCRIBERS = 100
const TEXT = JSON.stringify({ topic: 'trades', price: 12345.678, amount: 0.5, time: 1700000000000 })

/** `total` requests are measured, after `warm` others. */
const WORKLOADS = [
  { name: '1 in flight', inFlight: 1, total: 10000, warm: 2000 },
  { name: '64 in flight', inFlight: 64, total: 200000, warm: 50000 },
  { name: '1024 in flight', inFlight: 1024, total: 200000, warm: 50000 },
  { name: '100,000 at once, cold', inFlight: 100000, total: 100000, warm: 0 },
  { name: 'TLS, 1 in flight', inFlight: 1, total: 5000, warm: 1000, tls: true },
  { name: 'TLS, 64 in flight', inFlight: 64, total: 200000, warm: 50000, tls: true },
  { name: 'publish to 100, 1 a tick', perTick: 1, total: 3000 },
  { name: 'publish to 100, 10 a tick', perTick: 10, total: 10000 }
].filter(({ name }) => !options.only || name.includes(options.only))

const IMPLEMENTATIONS = ['original', 'native']

const measure = (implementation, workload) =>
  workload.perTick ? measurePublish(implementation, workload) : measureRequests(implementation, workload)

async function measureRequests (implementation, { inFlight, total, warm, tls }) {
  const port = String(await freePort())
  const certificates = tls ? [makeCertificates()] : []
  const server = new Child('peer.js', [implementation, 'server', port, ...certificates])
  await server.ready
  const client = new Child('peer.js', [implementation, 'client', port, ...certificates])
  await client.ready
  const work = { inFlight, payload: 'hello' }
  if (warm > 0) await client.ask({ ...work, total: warm })
  const before = (await server.ask({})).result
  const { result } = await client.ask({ ...work, total })
  const after = (await server.ask({})).result
  await Promise.all([client.stop(), server.stop()])
  return {
    'requests/s': total / result.seconds,
    'p50 us': result.p50,
    'p99 us': result.p99,
    'client CPU us': result.cpu,
    'server CPU us': (after.cpu - before.cpu) / total
  }
}

async function measurePublish (implementation, { perTick, total }) {
  const port = String(await freePort())
  const publisher = new Child('peer.js', [implementation, 'publisher', port])
  await publisher.ready
  const subscribers = new Child('peer.js', [implementation, 'subscribers', port])
  await subscribers.ready
  await subscribers.ask({ subscribe: SUBSCRIBERS })
  const round = async total => {
    await subscribers.ask({ expect: total * SUBSCRIBERS })
    const received = subscribers.next()
    const { result } = await publisher.ask({ perTick, total, text: TEXT })
    const { seconds } = (await received).result
    return { 'deliveries/s': total * SUBSCRIBERS / seconds, 'publisher CPU us': result.cpu / total / SUBSCRIBERS }
  }
  await round(total / 10)
  const measured = await round(total)
  await Promise.all([subscribers.stop(), publisher.stop()])
  return measured
}

function median (values) {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}

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
    for (const what of Object.keys(seen.native[0])) {
      rows.push({
        workload: workload.name,
        what,
        original: +median(seen.original.map(run => run[what])).toFixed(2),
        native: +median(seen.native.map(run => run[what])).toFixed(2),
        ratio: +median(seen.native.map((run, at) => run[what] / seen.original[at][what])).toFixed(3)
      })
    }
  }
  console.log(`medians of ${rounds} interleaved rounds; Node ${process.version}, ${options.io || 'default'} driver`)
  console.table(rows)
}

main()
  .catch(err => {
    console.error(err)
    process.exitCode = 1
  })
  .finally(() => fs.rmSync(makeCertificates.folder || '', { recursive: true, force: true }))
