'use strict'

// The Node tests with the addon under AddressSanitizer, on both I/O drivers: a memory error of its
// `unsafe` code ends the process. Linux only; V8 itself is not instrumented.
//
//   node scripts/asan.js [test file ...]

const { spawnSync } = require('child_process')
const fs = require('fs')
const path = require('path')
const { failures, run, testFiles } = require('./test')

const root = path.join(__dirname, '..')
const TARGET = 'x86_64-unknown-linux-gnu'
const out = path.join(root, 'target', 'asan')
const addon = path.join(out, 'addon.node')
const reports = path.join(out, 'reports')

/** These tests compare memory, and the sanitizer itself needs much. */
const LEFT_OUT = ['exhausted', 'flooded', 'stalled'].map(name => `__test__/faults/${name}.test.js`)

/** Everything is slower, in ms. */
const FILE_LIMIT = 900000

const OPTIONS = {
  // V8 does not free everything at exit.
  detect_leaks: 0,
  log_path: path.join(reports, 'asan'),
  // Freed memory kept back to detect its late use.
  quarantine_size_mb: 32
}

/** Builds the addon with the sanitizer, beside the one in use. */
async function build () {
  await run('build', 'cargo', ['build', '--locked', '--lib', '--profile', 'test', '--target', TARGET, '--target-dir', out], {
    // The sanitizer is an unstable option, which the stable compiler only accepts with this.
    env: { RUSTC_BOOTSTRAP: '1', RUSTFLAGS: '-Zsanitizer=address -Copt-level=3' }
  })
  fs.copyFileSync(path.join(out, TARGET, 'debug', 'libgrenache_nodejs_ws_native.so'), addon)
}

/** Its runtime as a library: Rust has its own only for whole programs, and GCC's is compatible. */
function runtime () {
  const file = spawnSync('gcc', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).stdout.trim()
  if (!path.isAbsolute(file)) throw new Error('GCC has no libasan.so here')
  return file
}

async function main (wanted) {
  const library = runtime()
  await build()
  fs.rmSync(reports, { recursive: true, force: true })
  fs.mkdirSync(reports)
  const files = wanted.length > 0 ? wanted : testFiles('__test__').filter(file => !LEFT_OUT.includes(file))
  const errors = []
  for (const io of ['libuv', 'tokio']) {
    await run(io, process.execPath, [
      '--test', '--test-reporter=tap', '--test-concurrency=2', `--test-timeout=${FILE_LIMIT}`, ...files
    ], {
      count: /^# pass (\d+)/,
      show: failures,
      env: {
        GRENACHE_IO: io,
        NAPI_RS_NATIVE_LIBRARY_PATH: addon,
        LD_PRELOAD: library,
        ASAN_OPTIONS: Object.entries(OPTIONS).map(([name, value]) => `${name}=${value}`).join(':')
      }
    }).catch(err => errors.push(err.message))
  }
  for (const name of fs.readdirSync(reports)) errors.push(fs.readFileSync(path.join(reports, name), 'utf8'))
  for (const error of errors) console.error(`# ${error}`)
  process.exitCode = errors.length === 0 ? 0 : 1
}

main(process.argv.slice(2)).catch(err => {
  console.error(`# ${err.message}`)
  process.exit(1)
})
