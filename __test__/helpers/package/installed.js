'use strict'

// Services in folders of their own, where npm installs this package from its tarball.

const { execFile } = require('child_process')
const fs = require('fs')
const os = require('os')
const path = require('path')
const { Grape } = require('../../..')

const root = path.join(__dirname, '..', '..', '..')
const FIXTURE = path.join(root, '__test__', 'package', 'fixture')
const LIMIT = 150000

/** Where npm puts the package, how code of the originals runs on it, and how an addon is built. */
const INSTALLED = 'node_modules/grenache-nodejs-ws-native'
const OLD_CODE = ['--require', 'grenache-nodejs-ws-native/register', 'service.js']
const BUILD = /get Rust \d+\.\d+ or newer[^]*\n {4}npx -p grenache-nodejs-ws-native grenache-build\n[^]*\n {4}node [^\n]*grenache-build\.js\n/

/** What npm tells its scripts is about the checkout, and not about the services. */
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)))

/** Runs a command to its end; resolves with `{ code, output }`. */
function run (folder, command, args, env = {}) {
  return new Promise((resolve, reject) => {
    const options = { cwd: folder, env: { ...environment, ...env }, timeout: LIMIT }
    execFile(command, args, options, (err, stdout, stderr) => {
      if (err && typeof err.code !== 'number') return reject(err)
      resolve({ code: err ? err.code : 0, output: stdout + stderr })
    })
  })
}

/** Like `run`, of what must go well; resolves with its output. */
async function succeed (...args) {
  const { code, output } = await run(...args)
  if (code !== 0) throw new Error(`${args[1]} ended with ${code}:\n${output}`)
  return output
}

/** A folder that is removed after the test; the same one each time for the same name. */
function workplace (t, name) {
  const folder = name === undefined
    ? fs.mkdtempSync(path.join(os.tmpdir(), 'grenache-package-'))
    : path.join(os.tmpdir(), `grenache-package-${name}`)
  fs.rmSync(folder, { recursive: true, force: true })
  fs.mkdirSync(folder)
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return fs.realpathSync(folder)
}

/** Packs a folder's package; resolves with what `npm pack --json` says, and the tarball's path. */
async function pack (folder, destination) {
  fs.mkdirSync(destination, { recursive: true })
  const [packed] = JSON.parse(await succeed(folder, 'npm', ['pack', '--json', '--pack-destination', destination]))
  return { ...packed, tarball: path.join(destination, packed.filename) }
}

/**
 * The fixture's files beside a package.json that asks for tarballs under the given names; the
 * tarballs in `registry` are what a registry would have for what those depend on.
 */
function makeService (folder, tarballs, registry = {}) {
  fs.cpSync(FIXTURE, folder, { recursive: true })
  const files = tarballs => Object.fromEntries(Object.entries(tarballs).map(([name, file]) => [name, `file:${file}`]))
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({
    name: 'service', private: true, dependencies: files(tarballs), overrides: files(registry)
  }))
}

/** A service that asks for the package as it is packed now; resolves with its folder. */
async function packedService (folder) {
  makeService(folder, { 'grenache-nodejs-ws-native': (await pack(root, folder)).tarball })
  return folder
}

/** `npm install` as a user's, with no registry and nothing cached; npm shows what scripts print. */
function install (folder, { args = [], env } = {}) {
  const cache = path.join(folder, '.npm')
  return run(folder, 'npm', [
    'install', '--offline', '--no-audit', '--no-fund', '--foreground-scripts', '--cache', cache, ...args
  ], env)
}

/** Runs a file of the service beside a grape; resolves with `{ code, output }`. */
async function serve (folder, args = ['service.js'], env = {}) {
  const grape = new Grape({ dht_port: 0, api_port: 0, host: '127.0.0.1' })
  await new Promise((resolve, reject) => grape.start(err => err ? reject(err) : resolve()))
  try {
    return await run(folder, process.execPath, args, { GRAPE: `http://${grape.address().api}`, ...env })
  } finally {
    grape.stop()
  }
}

/** An environment whose PATH has what npm needs, and no cargo. */
function withoutCargo (folder) {
  const bin = path.join(folder, '.bin')
  fs.mkdirSync(bin, { recursive: true })
  fs.symlinkSync(process.execPath, path.join(bin, 'node'))
  for (const name of ['npm', 'npx', 'sh']) {
    const found = process.env.PATH.split(path.delimiter).map(each => path.join(each, name)).find(fs.existsSync)
    fs.symlinkSync(found, path.join(bin, name))
  }
  return { PATH: bin }
}

module.exports = {
  BUILD, FIXTURE, INSTALLED, OLD_CODE, install, makeService, pack, packedService, root, run, serve, succeed, withoutCargo, workplace
}
