'use strict'

// Fuzzes each target of fuzz/ for `seconds`; fails at the first crash, whose input stays in
// fuzz/artifacts/.
//
//   node scripts/fuzz.js [seconds] [target ...]

const { spawnSync } = require('child_process')
const fs = require('fs')
const path = require('path')

const root = path.join(__dirname, '..')

/** Longest time for one input, in seconds. */
const INPUT_LIMIT = 10

// The sanitizer is an unstable option, which the stable compiler only accepts with this.
const env = { ...process.env, RUSTC_BOOTSTRAP: '1' }

function cargo (args, stdio = 'inherit') {
  const result = spawnSync('cargo', args, { cwd: root, env, stdio, encoding: 'utf8' })
  if (result.error) throw result.error
  return result
}

function must (args, stdio) {
  const result = cargo(args, stdio)
  if (result.status === 0) return result.stdout
  console.error(`# cargo ${args.slice(0, 3).join(' ')} ended with ${result.signal || result.status}`)
  process.exit(1)
}

function main ([seconds = '60', ...wanted]) {
  if (!/^[1-9]\d*$/.test(seconds)) {
    console.error('usage: npm run fuzz -- [seconds] [target ...]')
    process.exit(2)
  }
  if (cargo(['fuzz', '--version'], 'ignore').status !== 0) must(['install', '--locked', 'cargo-fuzz'])
  const all = must(['fuzz', 'list'], 'pipe').trim().split('\n')
  const unknown = wanted.filter(target => !all.includes(target))
  if (unknown.length > 0) {
    console.error(`no such target: ${unknown.join(', ')}; there are ${all.join(', ')}`)
    process.exit(2)
  }
  must(['fuzz', 'build', '--sanitizer', 'address'])
  const targets = wanted.length > 0 ? wanted : all
  for (const target of targets) {
    console.log(`\n# ${target}: ${seconds} s`)
    // New inputs are kept from run to run, but not beside the committed seeds.
    const found = path.join('fuzz', 'target', 'corpus', target)
    fs.mkdirSync(path.join(root, found), { recursive: true })
    must([
      'fuzz', 'run', '--sanitizer', 'address', target, found, path.join('fuzz', 'corpus', target),
      '--', `-max_total_time=${seconds}`, `-timeout=${INPUT_LIMIT}`
    ])
  }
  console.log(`\n# no crash in ${targets.length} targets`)
}

main(process.argv.slice(2))
