'use strict'

// A registry on this machine, and the package managers that install from it.

const { spawn } = require('child_process')
const fs = require('fs')
const net = require('net')
const path = require('path')
const { setTimeout: sleep } = require('timers/promises')
const { root, succeed } = require('./installed')
const { freePort } = require('../../../scripts/lib/ports')

/** Below this, what is installed stays: the next run takes seconds less. */
const FOLDER = path.join(root, 'target', 'registry')
const LIMIT = 60000

/** verdaccio 6.9 needs Node 22; of what it asks for, one package by a tag that mirrors may not have. */
const TOOLS = {
  verdaccio: '~6.8.0',
  pnpm: '>=11',
  yarn1: 'npm:yarn@1',
  yarn4: 'npm:@yarnpkg/cli-dist@4'
}
const OVERRIDES = { 'node-fetch': '2.7.0' }

/** Installs packages in a folder of that name; resolves with its node_modules. */
async function tools (name, packages, overrides = {}) {
  const folder = path.join(FOLDER, name)
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: packages, overrides }))
  await succeed(folder, 'npm', ['install', '--no-package-lock', '--no-audit', '--no-fund', '--ignore-scripts'])
  return path.join(folder, 'node_modules')
}

const bin = (modules, name, file) => [process.execPath, path.join(modules, name, 'bin', file)]

/**
 * What each package manager calls things. `configure` writes its settings into a service's folder;
 * `elsewhere` are those of a machine of another kind, `omit` and `quiet` leave out optional packages
 * and scripts, `loads` are node's options that find what it installed, `build` runs a command of a package.
 */
const managers = modules => [
  {
    name: 'npm',
    command: ['npm'],
    omit: ['--omit=optional'],
    quiet: ['--ignore-scripts'],
    elsewhere: ['--os=win32', '--cpu=x64'],
    build: ['npx', '--no', '-p', 'grenache-nodejs-ws-native']
  },
  {
    name: 'pnpm',
    command: bin(modules, 'pnpm', 'pnpm.mjs'),
    omit: ['--no-optional'],
    quiet: ['--ignore-scripts'],
    elsewhere: ['--os=win32', '--cpu=x64'],
    build: [...bin(modules, 'pnpm', 'pnpm.mjs'), 'exec']
  },
  {
    name: 'yarn 1',
    command: bin(modules, 'yarn1', 'yarn.js'),
    omit: ['--ignore-optional'],
    quiet: ['--ignore-scripts'],
    build: [...bin(modules, 'yarn1', 'yarn.js'), '--silent']
  },
  ...['node-modules', 'pnp'].map(linker => ({
    name: `yarn 4, ${linker}`,
    command: bin(modules, 'yarn4', 'yarn.js'),
    settings: { nodeLinker: linker, pnpEnableEsmLoader: true, enableGlobalCache: false, enableImmutableInstalls: false },
    quiet: { enableScripts: false },
    elsewhere: { supportedArchitectures: { os: ['win32'], cpu: ['x64'] } },
    loads: linker === 'pnp' ? ['--require', './.pnp.cjs', '--experimental-loader', './.pnp.loader.mjs'] : [],
    build: [...bin(modules, 'yarn4', 'yarn.js')]
  }))
]

/** Starts verdaccio with an empty storage; resolves with `{ url, stop, publish }`. */
async function startRegistry (modules, folder) {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/`
  // JSON is YAML. Without `uplinks` it knows only what is published here.
  fs.writeFileSync(path.join(folder, 'config.yaml'), JSON.stringify({
    storage: './storage',
    packages: { '**': { access: '$all', publish: '$all' } },
    log: { type: 'stdout', level: 'error' }
  }))
  fs.writeFileSync(path.join(folder, '.npmrc'), `registry=${url}\n//127.0.0.1:${port}/:_authToken=none\n`)
  const child = spawn(process.execPath, [
    path.join(modules, 'verdaccio', 'bin', 'verdaccio'), '--config', 'config.yaml', '--listen', `127.0.0.1:${port}`
  ], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', text => { said += text })
  for (const end = Date.now() + LIMIT; !await answers(port);) {
    if (child.exitCode !== null || Date.now() > end) throw new Error(`verdaccio does not listen:\n${said}`)
    await sleep(100)
  }
  return {
    url,
    stop: () => child.kill(),
    publish: (what, ...args) => succeed(folder, 'npm', ['publish', what, ...args])
  }
}

function answers (port) {
  return new Promise(resolve => {
    const socket = net.connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

module.exports = { OVERRIDES, TOOLS, managers, startRegistry, tools }
