'use strict'

// Builds the addon with cargo alone: an installed package has no napi CLI.

const { spawnSync } = require('child_process')
const fs = require('fs')
const path = require('path')
const { isMusl, platformOf } = require('./platform')
const { rustVersion } = require('./advice')

const root = path.join(__dirname, '..')
const { napi } = require('../package.json')
const NEEDED = rustVersion()
/** Hundreds of megabytes that are not needed afterwards. */
const TARGET = path.join(root, '.build')

/** The name that binding.js uses for the addon of a machine; this one by default. */
const addonFile = machine => `${napi.binaryName}.${platformOf(machine)}.node`

/** The problem with this machine's cargo, or undefined. */
function problem () {
  const probe = spawnSync('cargo', ['--version'], { cwd: root, encoding: 'utf8' })
  if (probe.error || probe.status !== 0) return '`cargo` was not found'
  const [found] = /\d+\.\d+\.\d+/.exec(probe.stdout)
  return isOlder(found, NEEDED) ? `\`cargo\` is ${found}` : undefined
}

function isOlder (found, needed) {
  const [[major, minor], [neededMajor, neededMinor]] = [found, needed].map(version => version.split('.').map(Number))
  return major < neededMajor || (major === neededMajor && minor < neededMinor)
}

/**
 * Builds the addon once and copies it to where the binding.js of each folder looks; returns the
 * files.
 * @param {string[]} folders copies of this package
 */
function build (folders) {
  const env = { CARGO_TARGET_DIR: TARGET, ...process.env }
  // Otherwise musl's compiler does not create loadable libraries.
  if (isMusl()) env.RUSTFLAGS = `${env.RUSTFLAGS || ''} -C target-feature=-crt-static`
  try {
    const result = spawnSync('cargo', ['build', '--release', '--locked', '--message-format=json-render-diagnostics'], {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
      encoding: 'utf8',
      maxBuffer: Infinity
    })
    if (result.error) throw result.error
    if (result.status !== 0) throw new Error(`cargo ended with ${result.signal || result.status}`)

    const built = library(result.stdout)
    return folders.map(folder => place(built, path.join(folder, addonFile())))
  } finally {
    fs.rmSync(TARGET, { recursive: true, force: true })
  }
}

/** A running process may have mapped the old file, so it is replaced and not overwritten. */
function place (built, file) {
  fs.copyFileSync(built, `${file}.new`)
  fs.renameSync(`${file}.new`, file)
  return file
}

/** The library's path from cargo: a configuration above this folder may change it. */
function library (output) {
  const { filenames } = output.split('\n').filter(Boolean).map(line => JSON.parse(line))
    .find(({ reason, target }) => reason === 'compiler-artifact' && target.kind.includes('cdylib'))
  return filenames.find(name => /\.(so|dylib|dll)$/.test(name))
}

module.exports = { NEEDED, addonFile, build, problem }
