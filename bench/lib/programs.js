'use strict'

// Programs that a run needs besides this package: built when missing or outdated.

const { spawnSync } = require('child_process')
const fs = require('fs')
const path = require('path')

const bench = path.join(__dirname, '..')
const rust = path.join(bench, 'rust')

const rustFile = () => path.join(rust, 'target', 'release', 'grenache-bench')

/** The Bun binary, or undefined if there is none. */
function bunFile () {
  const file = path.join(bench, 'node_modules', '@oven', 'bun-linux-x64', 'bin', 'bun')
  return fs.existsSync(file) ? file : undefined
}

/** Installed version of a dependency of bench/package.json. */
function versionOf (name) {
  const file = path.join(bench, 'node_modules', name, 'package.json')
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')).version : undefined
}

function run (command, args, cwd) {
  const { error, status } = spawnSync(command, args, { cwd, stdio: ['ignore', 2, 2] })
  if (error) throw error
  if (status !== 0) throw new Error(`${command} ${args[0]} failed`)
}

function prepare () {
  const { dependencies } = require('../package.json')
  const fresh = Object.entries(dependencies).every(([name, version]) => versionOf(name) === version)
  // Without install scripts: the native parts come prebuilt.
  if (!fresh) run('npm', ['ci', '--ignore-scripts'], bench)
  // Cargo knows whether anything has to be built.
  run('cargo', ['build', '--release', '--locked', '--quiet'], rust)
}

module.exports = { bunFile, prepare, rustFile, versionOf }
