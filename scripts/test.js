'use strict'

// `npm test`: everything that must hold, in the order in which it fails fastest. Prints the
// counts of each part, and their sum.
//
//   node scripts/test.js [part ...]     only these parts

const { spawnSync } = require('child_process')
const fs = require('fs')
const path = require('path')

const root = path.join(__dirname, '..')
const node = process.execPath
const bin = name => {
  const file = require.resolve(`${name}/package.json`, { paths: [root] })
  const { bin } = require(file)
  return path.join(path.dirname(file), typeof bin === 'string' ? bin : bin[name] || Object.values(bin)[0])
}

/** Test files below a folder, explicit: what `node --test folder` means depends on the version. */
function testFiles (folder) {
  return fs.readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap(entry => {
    const file = path.join(folder, entry.name)
    if (entry.isDirectory()) return testFiles(file)
    return entry.name.endsWith('.test.js') ? [file] : []
  }).sort()
}

const passed = { counts: {} }

function run (part, command, args, { count, env } = {}) {
  console.log(`\n# ${part}: ${path.basename(command)} ${args.join(' ').slice(0, 200)}`)
  const result = spawnSync(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    stdio: ['ignore', count ? 'pipe' : 'inherit', 'inherit'],
    maxBuffer: 1 << 28
  })
  if (result.error) throw result.error
  if (count) {
    process.stdout.write(result.stdout)
    const found = [...result.stdout.matchAll(count)].reduce((sum, match) => sum + Number(match[1]), 0)
    passed.counts[part] = (passed.counts[part] || 0) + found
    if (result.status === 0 && found === 0) {
      console.error(`# ${part}: no test ran`)
      process.exit(1)
    }
  }
  if (result.status !== 0) {
    console.error(`# ${part} failed`)
    process.exit(result.status || 1)
  }
}

const NODE_PASSED = /^# pass (\d+)/gm
const nodeTests = (part, env) => run(part, node, [
  '--test', '--test-reporter=tap', '--test-concurrency=2', ...testFiles('__test__')
], { count: NODE_PASSED, env })

const PARTS = {
  build: () => run('build', node, ['scripts/build.js', '--if-stale']),
  rust: () => run('rust', 'cargo', ['test', '--locked', '--quiet'], { count: /^test result: ok\. (\d+) passed/gm }),
  node: () => nodeTests('node'),
  tokio: () => nodeTests('tokio', { GRENACHE_IO: 'tokio' }),
  originals: () => run('originals', node, ['scripts/originals.js'], { count: /^\s*(\d+) (?:passing|passed)/gm }),
  compat: () => run('compat', node, ['scripts/compat.js']),
  lint: () => {
    run('lint', 'cargo', ['fmt', '--check'])
    run('lint', 'cargo', ['clippy', '--locked', '--all-targets', '--quiet', '--', '-D', 'warnings'])
    run('lint', node, [bin('standard')])
    run('lint', node, [bin('typescript'), '-p', '__test__/types'])
  }
}

const wanted = process.argv.slice(2)
for (const [part, start] of Object.entries(PARTS)) {
  if (wanted.length === 0 || wanted.includes(part)) start()
}

console.log('\n# passed')
for (const [part, count] of Object.entries(passed.counts)) console.log(`#   ${part}: ${count}`)
const total = Object.values(passed.counts).reduce((sum, count) => sum + count, 0)
console.log(`${total} passed, 0 failed`)
