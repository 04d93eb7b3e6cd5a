'use strict'

// Checks of this package's supply chain: licences, sources of dependencies, install scripts, and
// the release. Known vulnerabilities are checked in .github/workflows/ci.yml, since that needs the
// network.

const { spawnSync } = require('child_process')
const fs = require('fs')
const path = require('path')
const { workflowProblems } = require('./workflows')

const root = path.join(__dirname, '..')
const read = name => JSON.parse(fs.readFileSync(path.join(root, name), 'utf8'))

/** Licences, as crates declare them, that are compatible with distributing this package. */
const LICENCES = new Set([
  'Apache-2.0',
  'Apache-2.0 OR MIT',
  'Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'MIT OR Apache-2.0',
  'MIT OR Apache-2.0 OR BSD-1-Clause',
  'MIT OR Apache-2.0 OR LGPL-2.1-or-later',
  'MIT/Apache-2.0',
  'Unlicense OR MIT',
  // Tables of characters.
  '(MIT OR Apache-2.0) AND Unicode-3.0'
])

const CRATES_IO = 'registry+https://github.com/rust-lang/crates.io-index'

/** Crates that may have several versions: macros, which only run at compile time. */
const DOUBLED = new Set(['syn'])

/** npm packages that may have install scripts; the benchmarks compare with these. */
const INSTALLING = new Set(['node_modules/protobufjs', 'node_modules/zeromq'])

const LOCKS = ['package-lock.json', 'bench/package-lock.json']

const errors = []
const check = (ok, text) => ok || errors.push(text)

/** Direct and indirect crates, including those for tests, of all platforms. */
function crates () {
  const { status, stdout, stderr, error } = spawnSync('cargo', ['metadata', '--locked', '--format-version', '1'], {
    cwd: root, encoding: 'utf8', maxBuffer: Infinity
  })
  if (error || status !== 0) throw error || new Error(stderr)
  return JSON.parse(stdout).packages
}

function auditCrates () {
  const versions = new Map()
  const all = crates()
  for (const { name, version, license, source } of all) {
    check(LICENCES.has(license), `${name} ${version}: licence ${license}`)
    // Null is this package itself.
    check(source === CRATES_IO || (source === null && name === 'grenache-nodejs-ws-native'), `${name} ${version}: comes from ${source}`)
    if (versions.has(name)) check(DOUBLED.has(name), `${name}: versions ${versions.get(name)} and ${version}`)
    versions.set(name, version)
  }
  return all.length
}

function auditPackages () {
  const { scripts, ...own } = read('package.json')
  for (const kind of ['dependencies', 'optionalDependencies', 'peerDependencies', 'bundleDependencies', 'bundledDependencies']) {
    check(own[kind] === undefined, `package.json: ${kind}`)
  }
  // pnpm refuses a package with such a script, npm and yarn warn, and it would run as the
  // installing user.
  for (const event of ['install', 'preinstall', 'postinstall', 'prepare']) {
    check(scripts[event] === undefined, `package.json: script ${event}`)
  }
  let count = 0
  for (const lock of LOCKS) {
    for (const [name, { resolved, integrity, optional, hasInstallScript }] of Object.entries(read(lock).packages)) {
      if (name === '') continue
      count++
      check(resolved === undefined, `${lock}: ${name} comes from ${resolved}`)
      // npm leaves it out for packages of other platforms.
      check(integrity || optional, `${lock}: ${name} has no hash`)
      check(!hasInstallScript || INSTALLING.has(name), `${lock}: ${name} runs something when it is installed`)
    }
  }
  return count
}

const counts = `${auditCrates()} crates, ${auditPackages()} npm packages`
errors.push(...workflowProblems(root))
console.log(`${counts}, ${errors.length} objections`)
for (const error of errors) console.error(`error: ${error}`)
process.exitCode = errors.length === 0 ? 0 : 1
