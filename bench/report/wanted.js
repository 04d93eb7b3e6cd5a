'use strict'

// The figures that this package should reach, and those of a run.

const { IMPLEMENTATIONS } = require('../implementations')
const { medianOf, ratioOf } = require('../lib/statistics')

const RATE = 'requests/s'
const CLIENT = 'client CPU us'
const SERVER = 'server CPU us'

const least = (group, workload, metric, wanted, more) => ({ group, workload, metric, wanted, least: true, ...more })
const most = (group, workload, metric, wanted, more) => ({ group, workload, metric, wanted, least: false, ...more })

/** Ratios of `of` (ours) to `to` (the original), or plain numbers if `to` is null. */
const WANTED = [
  least('calls', '64 in flight', RATE, 10),
  most('calls', '64 in flight', CLIENT, 0.1),
  most('calls', '64 in flight', SERVER, 0.1),
  least('calls', '64 in flight', RATE, 0.5, { to: 'rust' }),
  least('calls', '1024 in flight', RATE, 14),
  most('calls', '1 in flight', 'p50 us', 0.55),
  most('calls', '1 in flight', 'p99 us', 0.6),
  most('calls', '1 in flight', 'p50 us', 0.3, { of: 'busy' }),
  least('bursts', 'at once', 'cold requests/s', 10),
  least('bursts', 'at once', 'warm requests/s', 18),
  most('fixed', '20,000/s', CLIENT, 0.25),
  most('fixed', '20,000/s', SERVER, 0.25),
  least('objects', '100 B', RATE, 3.5),
  least('objects', '10 KB', RATE, 1.5),
  least('objects', '1 MB', RATE, 1.3),
  least('publish', '1 a tick', 'deliveries/s', 1.4),
  least('publish', '10 a tick', 'deliveries/s', 10),
  least('publish', '100 a tick', 'deliveries/s', 10),
  most('idle', 'server connection', 'KiB', 5, { to: null }),
  least('server', '64 in flight', RATE, 8),
  least('server', '64 in flight', RATE, 0.8, { to: 'bun' }),
  least('server', '1024 in flight', RATE, 10),
  least('server', '1024 in flight', RATE, 0.65, { to: 'bun' }),
  ...['newOld', 'oldNew'].flatMap(of => ['1 in flight', '64 in flight'].map(workload =>
    least('mixed', workload, RATE, 1, { of, to: 'oldOld' }))),
  most('held', 'client', 'MiB', 0.5),
  most('stall', 'server', 'longest stall ms', 1)
]

/** Implementations that must not be better than ours. */
const OTHERS = ['ws', 'zeromq', 'grpc']
const FIRST = { calls: RATE, bursts: 'warm requests/s', objects: RATE, publish: 'deliveries/s', tls: RATE }

/** Rows `{ what, wanted, seen, ok }` for which a run has figures. */
function compare ({ groups }) {
  const rows = []
  for (const { group, workload, metric, wanted, least, of = 'libuv', to = 'original' } of WANTED) {
    const { title, seen } = find(groups, group, workload)
    if (!seen || !seen[of] || (to && !seen[to])) continue
    const figure = to ? ratioOf(seen[of], seen[to], metric) : medianOf(seen[of], metric)
    rows.push({
      what: `${title}, ${workload}: ${metric}${who(of, to)}`,
      wanted: `${least ? 'at least' : 'at most'} ${wanted}${to ? ' x' : ''}`,
      seen: `${figure.toFixed(2)}${to ? ' x' : ''}`,
      ok: least ? figure >= wanted : figure <= wanted
    })
  }
  for (const other of OTHERS) rows.push(...ahead(groups, other))
  return rows
}

/** The row in which another implementation comes closest to ours. */
function ahead (groups, other) {
  let closest
  for (const { name, title, workloads } of groups) {
    for (const { name: workload, seen } of workloads) {
      if (!FIRST[name] || !seen[other] || !seen.libuv) continue
      const figure = ratioOf(seen.libuv, seen[other], FIRST[name])
      if (!closest || figure < closest.figure) closest = { figure, where: `${title}, ${workload}` }
    }
  }
  if (!closest) return []
  return [{
    what: `${IMPLEMENTATIONS[other].label}, where it comes closest (${closest.where})`,
    wanted: 'at least 1 x',
    seen: `${closest.figure.toFixed(2)} x`,
    ok: closest.figure >= 1
  }]
}

function who (of, to) {
  const label = name => IMPLEMENTATIONS[name].label
  return (of === 'libuv' ? '' : `, ${label(of)}`) + (to && to !== 'original' ? `, to ${label(to)}` : '')
}

function find (groups, name, workload) {
  const group = groups.find(group => group.name === name)
  const { seen } = (group && group.workloads.find(({ name }) => name === workload)) || {}
  return { title: group && group.title, seen }
}

module.exports = { compare }
