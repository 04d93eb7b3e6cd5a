'use strict'

// `npm test`: all tests, ordered so that failures show early. Prints the counts of each part, and
// their sum.
//
//   node scripts/test.js [part ...]     only these parts

const { spawn } = require('child_process')
const { once } = require('events')
const fs = require('fs')
const os = require('os')
const path = require('path')
const { createInterface } = require('readline')
const { timeOf, withoutDriver } = require('./witness')

const root = path.join(__dirname, '..')
const node = process.execPath
const bin = name => {
  const file = require.resolve(`${name}/package.json`, { paths: [root] })
  const { bin } = require(file)
  return path.join(path.dirname(file), typeof bin === 'string' ? bin : bin[name] || bin.tsc)
}

/** Tests of the packed files, which need to run only once. */
const PACKAGE = path.join('__test__', 'package')
/** Tests that install much from a registry: `npm run test:registry`. */
const REGISTRY = path.join('__test__', 'registry')

/**
 * Test files below a folder, explicit: the meaning of `node --test folder` depends on the version.
 */
function testFiles (folder) {
  return fs.readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap(entry => {
    const file = path.join(folder, entry.name)
    if (file === PACKAGE || file === REGISTRY) return []
    if (entry.isDirectory()) return testFiles(file)
    return entry.name.endsWith('.test.js') ? [file] : []
  }).sort()
}

const counts = {}

/** Time limit of a file, in ms. */
const FILE_LIMIT = 180000

/**
 * Runs a command. `count` matches the numbers of passed tests in its output; `show` selects the
 * lines to print, all by default.
 */
async function run (part, command, args, { count, show, env, isOptional } = {}) {
  console.log(`\n# ${part}: ${path.basename(command)} ${args.join(' ').slice(0, 120)}`)
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  let found = 0
  const showing = show ? show() : () => true
  for await (const line of createInterface({ input: child.stdout })) {
    if (showing(line)) console.log(line)
    const number = count && count.exec(line)
    if (number) found += Number(number[1])
  }
  const [code, signal] = child.exitCode === null && child.signalCode === null
    ? await once(child, 'exit')
    : [child.exitCode, child.signalCode]
  if (code !== 0) throw new Error(`${part} failed: ${path.basename(command)} ended with ${signal || code}`)
  if (count && found === 0 && !isOptional) throw new Error(`${part}: no test ran`)
  if (count) counts[part] = (counts[part] || 0) + found
}

/** How many passed tests there are between two lines that say so. */
const STEP = 100

/** Says now and then how many tests have passed. */
function progress () {
  const began = Date.now()
  let passed = 0
  return () => {
    if (++passed % STEP === 0) console.log(`# ${passed} passed in ${Math.round((Date.now() - began) / 1000)} s`)
  }
}

/** Of Rust's tests all but the lines of those that pass, of which it says how many there are. */
function rustLines () {
  const pass = progress()
  return line => {
    const isPassed = /^test .* \.\.\. ok$/.test(line)
    if (isPassed) pass()
    return !isPassed && line !== '' && !/^running \d+ tests?$/.test(line)
  }
}

/** From node's TAP output only the failures with their details, and the sums. */
function failures () {
  const pass = progress()
  let failing = false
  return line => {
    if (/^ok /.test(line)) pass()
    if (/^\s*(not )?ok /.test(line)) failing = /^\s*not ok /.test(line)
    else if (/^\s*# Subtest/.test(line)) failing = false
    return failing || /^# (tests|pass|fail|skipped|packed:) /.test(line)
  }
}

const nodeTests = (part, files, env) => run(part, node, [
  '--test', '--test-reporter=tap', '--test-concurrency=2', `--test-timeout=${FILE_LIMIT}`, ...files
], { count: /^# pass (\d+)/, show: failures, env })

/** What the first run of the test files has seen of drivers; it is gone with this process. */
let witness

/** The first run, on the default driver, also notes which files know no driver. */
async function firstRun () {
  witness = fs.mkdtempSync(path.join(os.tmpdir(), 'grenache-witness-'))
  process.once('exit', () => fs.rmSync(witness, { recursive: true, force: true }))
  const preload = `--require ${JSON.stringify(path.join(__dirname, 'witness.js'))}`
  await nodeTests('node', testFiles('__test__'), {
    GRENACHE_WITNESS: witness, NODE_OPTIONS: `${process.env.NODE_OPTIONS || ''} ${preload}`
  })
}

/** On the other driver, without the files that the first run has shown to know none. */
async function secondRun () {
  const files = testFiles('__test__')
  const idle = witness === undefined ? [] : withoutDriver(witness, files, root)
  await nodeTests('tokio', files.filter(file => !idle.includes(file)), { GRENACHE_IO: 'tokio' })
  const time = idle.reduce((sum, file) => sum + timeOf(witness, path.join(root, file)), 0)
  console.log(`# ${idle.length} of ${files.length} files know no driver and ran once: ${Math.round(time / 1000)} s of tests, two at a time, are saved`)
}

const PARTS = {
  build: () => run('build', node, ['scripts/build.js', '--if-stale']),
  rust: () => run('rust', 'cargo', ['test', '--locked'], {
    count: /^test result: ok\. (\d+) passed/,
    show: rustLines
  }),
  // Before the large part: without a network namespace each connection that a test closes keeps its
  // port for a minute.
  originals: () => run('originals', node, ['scripts/originals.js'], { count: /^\s*(\d+) (?:passing|passed)/ }),
  node: firstRun,
  tokio: secondRun,
  package: () => nodeTests('package', testFiles(PACKAGE)),
  soak: async () => {
    for (const io of ['libuv', 'tokio']) {
      await run('soak', node, ['scripts/soak.js', '20', '--io', io], { count: /^(\d+) passed/ })
    }
  },
  // With a new seed each time: a failure prints how to repeat it.
  whole: async () => {
    for (const io of ['libuv', 'tokio']) {
      await run('whole', node, ['scripts/fuzz-whole.js', '10', '--io', io], { count: /^(\d+) passed/ })
    }
  },
  // Prints the reason if the system has no namespaces.
  netlab: () => run('netlab', node, ['netlab', '--short'], { count: /^# (\d+) passed/, isOptional: true }),
  compat: () => run('compat', node, ['scripts/compat.js']),
  lint: async () => {
    await run('lint', 'cargo', ['fmt', '--check'])
    await run('lint', 'cargo', ['clippy', '--locked', '--all-targets', '--quiet', '--', '-D', 'warnings'])
    await run('lint', node, [bin('standard')])
    await run('lint', node, [bin('typescript'), '-p', '__test__/types'])
    await run('lint', node, ['scripts/audit.js'])
    await run('lint', node, ['scripts/prose.js'])
  }
}

/** Parts that run only when they are named. */
const EXTRA = {
  registry: () => nodeTests('registry', testFiles(REGISTRY))
}

async function main (wanted) {
  for (const [part, start] of Object.entries({ ...PARTS, ...EXTRA })) {
    if (wanted.includes(part) || (wanted.length === 0 && part in PARTS)) await start()
  }
  console.log('\n# passed')
  for (const [part, count] of Object.entries(counts)) console.log(`#   ${part}: ${count}`)
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
  console.log(`${total} passed, 0 failed`)
}

if (require.main === module) {
  main(process.argv.slice(2)).catch(err => {
    console.error(`# ${err.message}`)
    process.exit(1)
  })
}

module.exports = { failures, run, testFiles }
