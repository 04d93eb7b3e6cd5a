'use strict'

// Builds the addon in seconds, with debug assertions and line numbers, and runs test files with it:
//
//   npm run test:debug -- __test__/native/lifecycle.test.js      once
//   npm run watch -- __test__/native/lifecycle.test.js           again after each change
//   npm run watch                                         the test files that change
//
// It is what `cargo test` compiles, so that the two share what they build.

const { spawn } = require('child_process')
const { once } = require('events')
const fs = require('fs')
const path = require('path')
const { setTimeout: sleep } = require('timers/promises')

const root = path.join(__dirname, '..')
const ADDON = path.join(root, 'target', 'debug', 'grenache-nodejs-ws-native.node')
const WATCHED = ['src', 'lib', 'bin', '__test__', 'Cargo.toml', 'build.rs', 'index.js', 'binding.js']
/** An editor writes several times, and several files. In ms. */
const QUIET = 200

async function run (command, args, { env, stdio = 'inherit' } = {}) {
  const child = spawn(command, args, { cwd: root, stdio, env: { ...process.env, ...env } })
  let output = ''
  if (child.stdout) child.stdout.setEncoding('utf8').on('data', text => { output += text })
  const [code] = await once(child, 'close')
  return { code, output }
}

/** Compiles what has changed; resolves with whether that went well. */
async function build () {
  const began = Date.now()
  const { code, output } = await run('cargo', [
    'build', '--profile', 'test', '--lib', '--locked', '--message-format=json-render-diagnostics'
  ], { stdio: ['ignore', 'pipe', 'inherit'] })
  if (code !== 0) return false
  const [library] = output.split('\n').filter(Boolean).map(line => JSON.parse(line))
    .filter(({ reason, target }) => reason === 'compiler-artifact' && target.kind.includes('cdylib'))
    .flatMap(({ filenames }) => filenames.filter(name => /\.(so|dylib|dll)$/.test(name)))
  // A process of the last run may still have the old file mapped.
  fs.copyFileSync(library, `${ADDON}.new`)
  fs.renameSync(`${ADDON}.new`, ADDON)
  console.log(`# built in ${((Date.now() - began) / 1000).toFixed(1)} s: NAPI_RS_NATIVE_LIBRARY_PATH=${ADDON}`)
  return true
}

/** Runs test files with that addon; resolves with node's exit code. */
async function test (files) {
  if (files.length === 0) return 0
  const { code } = await run(process.execPath, ['--test', ...files], {
    env: { NAPI_RS_NATIVE_LIBRARY_PATH: ADDON, RUST_BACKTRACE: process.env.RUST_BACKTRACE || '1' }
  })
  return code
}

async function watch (files) {
  const changed = new Set()
  for (const entry of WATCHED) {
    const full = path.join(root, entry)
    const isFolder = fs.statSync(full).isDirectory()
    fs.watch(full, { recursive: isFolder }, (event, name) => changed.add(isFolder ? path.join(entry, String(name)) : entry))
  }
  for (;;) {
    while (changed.size === 0) await sleep(QUIET)
    await sleep(QUIET)
    const names = [...changed]
    changed.clear()
    console.log(`# changed: ${names.join(', ')}`)
    if (names.some(name => /\.(rs|toml)$/.test(name)) && !await build()) continue
    await test(files.length > 0 ? files : names.filter(name => name.endsWith('.test.js') && fs.existsSync(path.join(root, name))))
    console.log('# waiting for changes')
  }
}

async function main (args) {
  const isOnce = args.includes('--once')
  const files = args.filter(each => each !== '--once')
  const code = await build() ? await test(files) : 1
  if (isOnce) process.exitCode = code
  else await watch(files)
}

main(process.argv.slice(2))
