'use strict'

// Runs the smoke checks and the conformance tests of one runtime, each process with a time limit.

const { spawn } = require('child_process')
const { once } = require('events')
const fs = require('fs')
const path = require('path')

const root = path.join(__dirname, '..', '..')
const SMOKE = 'scripts/runtimes/smoke.js'
const FOLDERS = ['__test__/conformance', '__test__/rfc6455']

/** Time limit of a process, in ms. */
const LIMIT = 180000

/** Time limit of one test, in ms: Bun's own is less than some take under load. */
const TEST_LIMIT = '30000'

/**
 * Tests with the original packages. Outside Node they do not count: they would test the original
 * and its dependencies there.
 */
const WITH_ORIGINAL = /\boriginal\b[^\]]*\]$/
/** The other tests, in a form that all these test runners accept. */
const OTHERS = '\\[native( server, native client)?\\]$|[^\\]]$'

/** How each kind of runtime runs a test file, and reports a test's result. */
const KINDS = {
  node: {
    command: ([bin], file) => [bin, '--test-reporter=tap', file],
    result: /^(not ok|ok) \d+ - (.*)$/
  },
  bun: {
    command: ([bin], file) => [bin, 'test', '--timeout', TEST_LIMIT, '-t', OTHERS, `./${file}`],
    result: /^\((pass|fail)\) (.*?)(?: \[[\d.]+ms\])?$/,
    before: true
  },
  deno: {
    command: ([bin], file) => [bin, 'test', '-A', '--no-check', '--reporter=tap', '--filter', `/${OTHERS}/`, file],
    result: /^(not ok|ok) \d+ - (.*)$/
  }
}

/** Runs a command; resolves with its output, and the failure: null if it ended by itself with 0. */
async function run ([command, ...args], io) {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, GRENACHE_IO: io, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', text => { output += text })
  }
  let late = false
  const timer = setTimeout(() => {
    late = true
    child.kill('SIGKILL')
  }, LIMIT)
  // Not 'close': a child of its own may outlive it.
  const [code, signal] = await once(child, 'exit')
  clearTimeout(timer)
  await new Promise(resolve => setTimeout(resolve, 50))
  for (const stream of [child.stdout, child.stderr]) stream.destroy()
  return { output, failure: late ? 'did not end' : code === 0 ? null : `ended with ${signal || code}` }
}

/** The failure of a process with a failing test. */
const FAILED = 'ended with 1'

const indent = text => text.trim().replace(/^/gm, '    ')

/**
 * The smoke checks: `{ passed, total, failures }`; one of them is that the process ends by itself.
 */
async function smoke (command, io) {
  const { output, failure } = await run([...command, SMOKE], io)
  const results = output.match(/^(not ok|ok) .*$/gm) || []
  const failures = results.filter(line => line.startsWith('not')).map(line => line.slice('not ok '.length))
  const ended = /^# the end$/m.test(output) && failure !== 'did not end' && (failure === null) === (failures.length === 0)
  if (!ended) failures.push(`it ${failure || 'stopped half-way'}`)
  if (failures.length > 0) console.log(indent(output))
  const total = results.length + 1
  return { passed: total - failures.length, total, failures }
}

const files = () => FOLDERS.flatMap(folder => fs.readdirSync(path.join(root, folder))
  .filter(name => name.endsWith('.test.js')).sort().map(name => `${folder}/${name}`))

/** Titles of each file's tests in a run that ended: a test that does not run has failed. */
const known = new Map()

/** The conformance tests: `{ passed, total, failures }`, the latter as `{ file, title }`. */
async function conformance (runtime, command, io, concurrency) {
  const kind = KINDS[runtime.kind]
  const sum = { passed: 0, total: 0, failures: [] }
  const todo = files()
  const work = async () => {
    for (let file; (file = todo.shift());) {
      const { output, failure } = await run(kind.command(command, file), io)
      const result = resultOf(file, output, kind, failure)
      if (failure === null && runtime.kind === 'node') known.set(file, result.titles)
      sum.total += result.titles.length
      sum.passed += result.passed.size
      sum.failures.push(...result.failed.map(title => ({ file, title })))
      if (result.failed.length > 0) {
        console.log(`${file}: ${result.failed.length} failed`)
        console.log(indent(excerpt(output, kind)))
      }
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  return sum
}

/**
 * Results from a file's output: `titles` of all its tests, those that `passed`, and that `failed`.
 */
function resultOf (file, output, kind, failure) {
  const counts = title => kind === KINDS.node || !WITH_ORIGINAL.test(title)
  const passed = new Set()
  const failed = new Set()
  for (const line of output.split('\n')) {
    const found = kind.result.exec(line)
    if (found) (/not|fail/.test(found[1]) ? failed : passed).add(found[2])
  }
  for (const title of failed) passed.delete(title)
  for (const title of known.get(file) || []) {
    if (counts(title) && !passed.has(title)) failed.add(title)
  }
  // A crash, a process that does not end, or one that runs no test.
  const isAsExpected = failure === null || failure === FAILED
  if (!isAsExpected || (failed.size === 0 && failure !== null) || passed.size + failed.size === 0) {
    failed.add(`(the process ${failure || 'ran no test'})`)
  }
  return { titles: [...passed, ...failed], passed, failed: [...failed] }
}

/** Longest excerpt of a file's output, in lines. */
const EXCERPT = 60

/**
 * A file's output about failures, which Bun prints before their titles; without that of passed
 * tests.
 */
function excerpt (output, { result, before }) {
  const shown = []
  let pending = []
  let failing = !before
  for (const line of output.split('\n')) {
    if (/^# Subtest|^\s*(---|\.\.\.|duration_ms.*|type:.*)?$/.test(line)) continue
    const found = result.exec(line)
    if (found) {
      failing = /not|fail/.test(found[1])
      if (failing) shown.push(...pending, line)
      pending = []
    } else if (before) {
      pending.push(line)
    } else if (failing) {
      shown.push(line)
    }
  }
  shown.push(...pending)
  const rest = shown.length - EXCERPT
  return shown.slice(0, EXCERPT).join('\n') + (rest > 0 ? `\n... and ${rest} lines more` : '')
}

module.exports = { conformance, run, smoke }
