'use strict'

// Mixed traffic between several processes, with faults, for any time:
//
//   npm run soak -- 300 [--io libuv|tokio]
//
// Prints counters, and exits with 1 after any violation: a callback that was not called exactly
// once, a wrong reply, a published message out of order or lost, a process that grows or does not
// end by itself.

const { parseArgs } = require('util')
const { asTexts, certificates } = require('./lib/certificates')
const { Child } = require('./lib/child')
const { freePort } = require('./lib/ports')
const { Actor } = require('./soak/orchestra')
const { judge } = require('./soak/judge')
const { print } = require('./soak/table')

const wait = ms => new Promise(resolve => setTimeout(resolve, ms))

/** How a server that comes and goes ends, in turn: at once, in order, and killed. */
const ENDINGS = [{}, { drain: 3000 }, 'SIGKILL']
/** Its longest life and absence, in ms. */
const LIFE = 1500
const GONE = 500
/** How long a subscriber is stopped, and runs, in ms. */
const STALLED = 5000
const AWAKE = 2000

async function main () {
  const { values, positionals } = parseArgs({ options: { io: { type: 'string' } }, allowPositionals: true })
  const seconds = Number(positionals[0] || 60)
  if (!(seconds > 0)) throw new Error('how many seconds?')
  if (values.io) process.env.GRENACHE_IO = values.io

  const { server, client } = certificates()
  const grapes = new Child(require.resolve('./lib/grapes'))
  const all = []
  const start = async (name, script, what) => {
    const actor = new Actor(name, script, what)
    all.push(actor)
    return Object.assign(actor, await actor.ready)
  }
  try {
    const grape = (await grapes.next()).urls[0]
    const scene = await begin({ start, grape, server: asTexts(server), client: asTexts(client) })
    console.log(`${seconds} s of traffic on ${process.env.GRENACHE_IO || 'the default driver'} between ${all.length} processes`)
    const faults = makeFaults(scene, start)
    await Promise.race([wait(seconds * 1000), ...scene.steady.map(actor => actor.early)])
    await faults.stop()
    await end(scene)
    const verdict = judge(all, scene)
    print(all, verdict)
    process.exitCode = verdict.failures.length > 0 ? 1 : 0
  } finally {
    await Promise.all([...all, grapes].map(child => child.stop()))
  }
}

/** Starts all processes; then the grapes know the servers. */
async function begin ({ start, grape, server, client }) {
  const [one, two, secure, shaky, publisher] = await Promise.all([
    start('server 1', 'server', { grape, key: 'soak_steady' }),
    start('server 2', 'server', { grape, key: 'soak_steady' }),
    start('server, TLS', 'server', { secure: server }),
    start('server, shaky', 'server', { grape, key: 'soak_shaky', port: await freePort() }),
    start('publisher', 'publisher', {})
  ])
  const dest = ({ port }) => `127.0.0.1:${port}`
  const { modes, ports } = publisher
  const news = { modes, dests: ports.map(port => dest({ port })) }
  const faults = await start('faults', 'faults', { port: one.port, others: [two.port, ...ports] })
  const tls = { secure: client, secureDest: dest(secure) }
  const [subscribers, slow, caller, churn, timeouts] = await Promise.all([
    start('subscribers', 'subscribers', news),
    start('subscriber, slow', 'subscribers', { ...news, slow: true }),
    start('client', 'client', { grape, ...tls, proxied: faults.dest }),
    start('come and go', 'churn', { ...tls, dest: dest(two) }),
    start('timeouts', 'timeouts', {})
  ])
  return {
    grape,
    shaky: { current: shaky, port: shaky.port },
    slow,
    publisher,
    subscribers,
    callers: [caller, churn, faults, timeouts],
    servers: [one, two, secure],
    /** Processes that run from begin to end, and whose figures are compared. */
    steady: [one, two, secure, publisher, subscribers, caller, churn, faults, timeouts]
  }
}

/** Stops and starts the shaky server, and stalls the slow subscriber, until `stop`. */
function makeFaults (scene, start) {
  const state = { stopping: false }
  const pause = async ms => {
    const end = performance.now() + ms
    while (!state.stopping && performance.now() < end) await wait(50)
  }
  const shaky = async () => {
    for (let round = 0; !state.stopping; round++) {
      await pause(LIFE * (0.5 + Math.random()))
      if (state.stopping) return
      await scene.shaky.current.end(ENDINGS[round % ENDINGS.length])
      await wait(GONE * Math.random())
      scene.shaky.current = await start('server, shaky', 'server', { grape: scene.grape, key: 'soak_shaky', port: scene.shaky.port })
    }
  }
  const slow = async () => {
    while (!state.stopping) {
      scene.slow.process.kill('SIGSTOP')
      await pause(STALLED)
      scene.slow.process.kill('SIGCONT')
      await pause(AWAKE)
    }
  }
  const loops = [shaky(), slow()]
  return {
    stop () {
      state.stopping = true
      return Promise.all(loops)
    }
  }
}

/** Callers end before servers; then the publisher's last messages can be compared. */
async function end ({ callers, servers, publisher, subscribers, slow, shaky }) {
  await Promise.all(callers.map(actor => actor.end({})))
  await Promise.all([...servers, shaky.current].map(actor => actor.end({})))
  await publisher.end({})
  // The publisher's last messages may still be in flight to a busy process.
  await wait(500)
  await Promise.all([subscribers, slow].map(actor => actor.end({})))
}

main().catch(err => {
  console.error(err)
  process.exitCode = 1
})
