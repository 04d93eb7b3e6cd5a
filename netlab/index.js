'use strict'

// `npm run netlab`: every scenario, with this package on both I/O drivers, and with the
// original. `--short`: only the short ones, with this package, by turns on one driver and the other.
//
//   node netlab [--short] [--kind libuv|tokio|original ...] [part of a title]

const { Lab, obstacle } = require('./lab')
const scenarios = require('./scenarios')

const KINDS = {
  libuv: { kind: 'ours', env: { GRENACHE_IO: 'libuv' } },
  tokio: { kind: 'ours', env: { GRENACHE_IO: 'tokio' } },
  original: { kind: 'original' }
}

/** Rejects after `ms`. */
function within (ms, promise) {
  let timer
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(reject, ms, new Error(`not over after ${ms / 1000} s`))
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** What one scenario shows with one package. */
async function play (scenario, name) {
  const lab = await Lab.open(scenario.hosts)
  try {
    return await within(scenario.within, scenario.run({ lab, kind: KINDS[name] }))
  } finally {
    lab.close()
  }
}

async function main (args) {
  const isShort = args.includes('--short')
  const kinds = args.flatMap((arg, at) => args[at - 1] === '--kind' ? [arg] : [])
  const names = kinds.length > 0 ? kinds : Object.keys(KINDS).filter(name => !isShort || name !== 'original')
  const text = args.filter((arg, at) => !arg.startsWith('--') && args[at - 1] !== '--kind').join(' ')
  const why = await obstacle()
  if (why !== null) {
    console.log(`# no network lab: ${why}`)
    return
  }
  let passed = 0
  let failed = 0
  const wanted = scenarios.filter(({ title, short }) => title.includes(text) && (short || !isShort))
  for (const [at, scenario] of wanted.entries()) {
    const able = names.filter(name => scenario.of !== 'grapes' || name !== 'tokio')
    for (const name of isShort && kinds.length === 0 ? [able[at % able.length]] : able) {
      let figures
      let problem = ''
      try {
        figures = await play(scenario, name)
        // The original is shown, and owes nothing.
        if (name !== 'original') scenario.expect(figures, isShort ? 2 : 1)
        passed++
      } catch (err) {
        failed++
        problem = err.stack
      }
      console.log(`${problem ? 'not ok' : 'ok'} ${scenario.title} [${name}] ${JSON.stringify(figures)}`)
      if (problem) console.log(problem.replace(/^/gm, '  '))
    }
  }
  console.log(`# ${passed} passed, ${failed} failed`)
  if (failed > 0) process.exitCode = 1
}

main(process.argv.slice(2))
