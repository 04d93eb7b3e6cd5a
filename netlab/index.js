'use strict'

// `npm run netlab`: every scenario, with this package on both I/O drivers and with TLS, and with
// the original. `--short`: only the short ones, with this package, alternating between the drivers,
// without TLS and with it. `--table` writes the results into docs/NETWORKS.md.
//
//   node netlab [--short] [--table] [--kind libuv|tokio|libuv-tls|tokio-tls|original ...] [part of
// a title]

const { Lab, obstacle } = require('./lab')
const scenarios = require('./scenarios')
const table = require('./table')

const driver = name => ({ GRENACHE_IO: name })

const KINDS = {
  libuv: { env: driver('libuv') },
  tokio: { env: driver('tokio') },
  'libuv-tls': { env: driver('libuv'), tls: true },
  'tokio-tls': { env: driver('tokio'), tls: true },
  original: { package: 'original' }
}

/** With TLS, Node moves the bytes with either driver, so it runs once. */
const OF_ALL = Object.keys(KINDS).filter(name => name !== 'tokio-tls')

/** How many scenarios that mostly wait run at once. */
const AT_ONCE = 3

/** Whether a scenario differs with this kind. */
function concerns ({ of }, name) {
  if (of === 'grapes') return name === 'libuv' || name === 'original'
  return of !== 'publishers' || !KINDS[name].tls
}

/** Rejects after `ms`. */
function within (ms, promise) {
  let timer
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(reject, ms, new Error(`not over after ${ms / 1000} s`))
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/**
 * Result of one scenario with one package: `{ scenario, name, figures, problem }`, possibly without
 * the latter two.
 */
async function play (scenario, name, slack) {
  let lab
  let figures
  try {
    lab = await Lab.open(scenario.hosts)
    figures = await within(scenario.within, scenario.run({ lab, kind: KINDS[name] }))
    // The original is only shown: nothing is expected of it.
    if (name !== 'original') scenario.expect(figures, slack)
    return { scenario, name, figures }
  } catch (problem) {
    return { scenario, name, figures, problem }
  } finally {
    if (lab) lab.close()
  }
}

/** Runs all of `jobs`, `count` at a time. */
async function doAll (jobs, count) {
  const left = [...jobs]
  const next = async () => {
    for (let job = left.shift(); job; job = left.shift()) await job()
  }
  await Promise.all(Array.from({ length: count }, next))
}

function report ({ scenario, name, figures, problem }) {
  // Failures of the original are not failures of the run.
  const isFailure = problem && name !== 'original'
  console.log(`${isFailure ? 'not ok' : 'ok'} ${scenario.title} [${name}] ${JSON.stringify(figures) || ''}`)
  if (problem) console.log(problem.stack.replace(/^/gm, '  '))
  return !isFailure
}

async function main (args) {
  const isShort = args.includes('--short')
  const given = args.flatMap((arg, at) => args[at - 1] === '--kind' ? [arg] : [])
  const names = given.length > 0 ? given : isShort ? Object.keys(KINDS).filter(name => name !== 'original') : OF_ALL
  const text = args.filter((arg, at) => !arg.startsWith('--') && args[at - 1] !== '--kind').join(' ')
  const why = await obstacle()
  if (why !== null) {
    console.log(`# no network lab: ${why}`)
    return
  }
  const wanted = scenarios.filter(({ title, short }) => title.includes(text) && (short || !isShort))
  const results = []
  const jobOf = scenario => name => async () => {
    const result = await play(scenario, name, isShort ? 2 : 1)
    results.push(result)
    result.isFine = report(result)
  }
  const jobs = wanted.flatMap((scenario, at) => {
    const able = names.filter(name => concerns(scenario, name))
    const some = isShort && given.length === 0 ? [able[at % able.length]] : able
    return some.map(jobOf(scenario)).map(job => ({ job, alone: scenario.alone }))
  })
  for (const isAlone of [true, false]) {
    await doAll(jobs.filter(({ alone = false }) => alone === isAlone).map(({ job }) => job), isAlone ? 1 : AT_ONCE)
  }
  if (args.includes('--table')) table.write(scenarios, results, concerns)
  const passed = results.filter(({ isFine }) => isFine).length
  console.log(`# ${passed} passed, ${results.length - passed} failed`)
  if (passed < results.length) process.exitCode = 1
}

main(process.argv.slice(2))
