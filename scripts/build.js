'use strict'

// Builds the addon in a checkout, with binding.js and its types. `--if-stale`: only when it is
// missing or older than its sources.

const { createHash } = require('crypto')
const { spawnSync } = require('child_process')
const fs = require('fs')
const path = require('path')
const { NEEDED, problem } = require('../install/cargo')

const root = path.join(__dirname, '..')
const stampFile = path.join(root, '.build-stamp')
const SOURCES = ['Cargo.toml', 'Cargo.lock', 'build.rs', 'src']

function files (entry) {
  const full = path.join(root, entry)
  if (!fs.statSync(full).isDirectory()) return [entry]
  return fs.readdirSync(full).sort().flatMap(name => files(path.join(entry, name)))
}

/** A hash of the addon's sources: git does not keep file times. */
function sourceStamp () {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`)
  for (const file of SOURCES.flatMap(files)) {
    hash.update(file).update('\0').update(fs.readFileSync(path.join(root, file))).update('\0')
  }
  return hash.digest('hex')
}

function addon () {
  return fs.readdirSync(root).find(name => name.endsWith('.node'))
}

function isFresh () {
  return addon() !== undefined && fs.existsSync(stampFile) &&
    fs.readFileSync(stampFile, 'utf8') === sourceStamp()
}

function run (command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (result.error) throw result.error
  if (result.status !== 0) process.exit(result.status || 1)
}

function build () {
  const wrong = problem()
  if (wrong) {
    console.error(`Building the native addon needs Rust ${NEEDED} or newer, and ${wrong}.\n` +
      'Get it from https://rustup.rs (or your system\'s packages), then run: npm run build')
    process.exit(1)
  }
  const cli = require.resolve('@napi-rs/cli/package.json', { paths: [root] })
  const bin = path.join(path.dirname(cli), require(cli).bin.napi)
  run(process.execPath, [
    bin, 'build', '--platform', '--release', '--js', 'binding.js', '--dts', 'binding.d.ts',
    '--', '--locked'
  ])
  fs.writeFileSync(stampFile, sourceStamp())
}

if (require.main === module && !(process.argv.includes('--if-stale') && isFresh())) build()

module.exports = { sourceStamp }
