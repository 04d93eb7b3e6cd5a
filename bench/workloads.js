'use strict'

// The workloads, and the implementations in each. The others are compared with the first of `who`.

const { LARGE, MEDIUM, SMALL } = require('./lib/payloads')
const { measureBursts } = require('./measure/bursts')
const { measureHeld } = require('./measure/held')
const { measureIdle } = require('./measure/idle')
const { measurePublish } = require('./measure/publish')
const { measureRequests } = require('./measure/requests')
const { measureStall } = require('./measure/stall')

const OURS = ['libuv', 'tokio']
const OTHERS = ['ws', 'grpc', 'zeromq']
const PAIRS = ['original', ...OURS, ...OTHERS, 'rust']
const WITHOUT_GRPC = PAIRS.filter(name => name !== 'grpc')

/** Times in seconds, and counts; `--quick` has its own. */
const FULL = { seconds: 1, warm: 0.5, burst: 100000, flood: 300000, news: 4000, connections: 4000 }
const QUICK = { seconds: 0.2, warm: 0.1, burst: 10000, flood: 30000, news: 500, connections: 400 }

/**
 * Groups of workloads. `chart` names the figure in the chart of a group (or a workload); `note` is
 * a remark for the reader.
 */
function groups (quick) {
  const { seconds, warm, burst, flood, news, connections } = quick ? QUICK : FULL
  const requests = (name, work) => ({ name, measure: measureRequests, work: { seconds, warm, ...work } })
  const calls = inFlight => requests(`${inFlight} in flight`, { inFlight })
  const objects = (name, payload, more) => requests(name, { inFlight: 16, payload, ...more })
  const publish = (perTick, total) => ({
    name: `${perTick} a tick`,
    measure: measurePublish,
    work: { perTick, total, subscribers: 100 }
  })

  return [
    {
      name: 'calls',
      title: 'Requests and replies',
      note: 'A short text echoed, over three connections. The busy row has `busyPoll: 100` on both sides.',
      who: [...PAIRS, 'busy'],
      chart: ['requests/s'],
      workloads: [{ ...calls(1), chart: ['p50 us'] }, calls(64), calls(1024)]
    },
    {
      name: 'bursts',
      title: `${burst.toLocaleString('en')} requests at once`,
      note: 'All requests are made in one turn: cold, as the first work of two new processes, and warm, once more after that. grpc-js would need half a minute for each.',
      who: WITHOUT_GRPC,
      chart: ['cold requests/s', 'warm requests/s'],
      workloads: [{ name: 'at once', measure: measureBursts, work: { count: burst } }]
    },
    {
      name: 'objects',
      title: 'Objects, echoed and compared',
      note: '16 in flight. Both sides build the objects from JSON and write them again, and the client compares what comes back; pure Rust only moves and compares the text.',
      who: PAIRS,
      chart: ['requests/s'],
      workloads: [objects('100 B', SMALL), objects('10 KB', MEDIUM), objects('1 MB', LARGE, { seconds: seconds * 1.5 })]
    },
    {
      name: 'fixed',
      title: '20,000 requests a second',
      note: 'A timer makes the requests at an even rate, so this compares the cost and latency of equal work. Measured after V8 has compiled code that runs only a thousand times a second, above all the timer of the load. grpc-js cannot do so many.',
      who: WITHOUT_GRPC,
      chart: ['client CPU us', 'server CPU us'],
      workloads: [requests('20,000/s', { kind: 'paced', rate: 20000, seconds: seconds * 2, warm: seconds * 4 })]
    },
    {
      name: 'publish',
      title: 'Publish to 100 subscribers',
      note: 'All subscribers in one process.',
      who: ['original', ...OURS, ...OTHERS],
      chart: ['deliveries/s'],
      workloads: [publish(1, news / 2), publish(10, news), publish(100, news)]
    },
    {
      name: 'server',
      title: 'The server alone',
      note: 'Loaded by the same Rust client.',
      who: ['original', ...OURS, 'ws', 'bun', 'rust'],
      chart: ['requests/s'],
      workloads: [calls(64), calls(1024)].map(({ work, ...more }) => ({ ...more, work: { ...work, load: 'rust' } }))
    },
    {
      name: 'mixed',
      title: 'Old and new together',
      who: ['oldOld', 'newOld', 'oldNew', 'newNew'],
      chart: ['requests/s'],
      workloads: [{ ...calls(1), chart: ['p50 us'] }, calls(64)]
    },
    {
      name: 'tls',
      title: 'TLS',
      note: 'With certificates on both sides.',
      who: ['original', 'libuv', 'ws'],
      chart: ['requests/s'],
      workloads: [{ ...calls(1), chart: ['p50 us'] }, calls(64)].map(({ work, ...more }) => ({ ...more, work: { ...work, tls: true } }))
    },
    {
      name: 'idle',
      title: 'Memory of an idle connection',
      note: `Growth of the server process for each of ${connections.toLocaleString('en')} connections: before they send anything, and after one request each.`,
      who: ['original', ...OURS, 'ws', 'bun'],
      chart: ['KiB', 'KiB after a request'],
      workloads: [{ name: 'server connection', measure: measureIdle, work: { connections } }]
    },
    {
      name: 'held',
      title: `Memory of a client with ${burst.toLocaleString('en')} requests in flight`,
      note: 'Growth of the client process while the server does not reply: before and after a garbage collection of V8.',
      who: ['original', ...OURS, 'ws'],
      chart: ['MiB', 'MiB after collection'],
      workloads: [{ name: 'client', measure: measureHeld, work: { count: burst } }]
    },
    {
      name: 'stall',
      title: `Stalls of a server with ${flood.toLocaleString('en')} requests in flight`,
      note: 'The longest time that the server blocked its event loop, with the Rust client.',
      who: ['original', ...OURS, 'ws'],
      chart: ['longest stall ms'],
      workloads: [{ name: 'server', measure: measureStall, work: { count: flood, warm } }]
    }
  ]
}

module.exports = { groups }
