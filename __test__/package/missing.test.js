'use strict'

// The package without an addon: what is said, when, and that it fits the cause.

const { test } = require('node:test')
const assert = require('node:assert')
const fs = require('fs')
const path = require('path')
const { advice, factsOf } = require('../../install/advice')
const { addonFile } = require('../../install/cargo')
const { copies } = require('../../install/copies')
const { BUILD, INSTALLED, OLD_CODE, install, packedService, root, run, serve, withoutCargo, workplace } = require('../helpers/package/installed')

const { name, version } = require('../../package.json')
const REQUIRE = ['-e', `require('${name}')`]
const READ = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission'

test('nothing runs when the package is installed; without an addon require says what to do', async t => {
  const folder = await packedService(workplace(t))
  const env = withoutCargo(folder)
  const { code, output } = await install(folder, { env })
  assert.strictEqual(code, 0, output)
  assert.doesNotMatch(output, /cargo|warn|script/)

  const required = await serve(folder, OLD_CODE, env)
  assert.strictEqual(required.code, 1)
  assert.match(required.output, BUILD)
  assert.match(required.output, /code: 'ERR_ADDON_UNAVAILABLE'/)

  const built = await run(folder, 'npx', ['--no', '-p', name, 'grenache-build'], env)
  assert.strictEqual(built.code, 1)
  assert.match(built.output, /^`cargo` was not found\.\n/)
  assert.match(built.output, BUILD)

  // An addon that the system does not load.
  const addon = path.join(folder, INSTALLED, addonFile())
  fs.writeFileSync(addon, 'no addon')
  const damaged = await serve(folder, OLD_CODE)
  assert.strictEqual(damaged.code, 1)
  assert.match(damaged.output, /the system does not load it: .*\n\nThe file is damaged, or was made for another/)
  assert.ok(damaged.output.includes(`${addon}: `), damaged.output)
  assert.match(damaged.output, BUILD)

  // One of another version.
  fs.copyFileSync(path.join(root, addonFile()), addon)
  const json = path.join(folder, INSTALLED, 'package.json')
  fs.writeFileSync(json, fs.readFileSync(json, 'utf8').replace(`"version": "${version}"`, '"version": "1.0.7"'))
  const mixed = await serve(folder, OLD_CODE)
  assert.strictEqual(mixed.code, 1)
  assert.ok(mixed.output.includes(`: the addon that was found has version ${version}.`), mixed.output)
})

test('where Node refuses addons the option is named', async () => {
  const refused = await run(root, process.execPath, ['--no-addons', ...REQUIRE])
  assert.strictEqual(refused.code, 1)
  assert.match(refused.output, /: `--no-addons` is in effect\.\n\nRemove `--no-addons` from node's options, from NODE_OPTIONS,/)
  assert.doesNotMatch(refused.output, /grenache-build/)

  const permission = await run(root, process.execPath, [READ, '--allow-fs-read=*', ...REQUIRE])
  assert.strictEqual(permission.code, 1)
  assert.match(permission.output, /: Node's permission model refuses addons\.\n\nAdd `--allow-addons` to node's options\.\n/)

  const worker = await run(root, process.execPath, ['-e', `
    const worker = new (require('worker_threads').Worker)(${JSON.stringify(REQUIRE[1])}, { eval: true, execArgv: ['--no-addons'] })
    worker.once('error', err => console.log(err.message))
  `])
  assert.match(worker.output, /Remove `--no-addons` from .* `execArgv` of the worker\./)
})

test('an addon that the environment names and is not there is said', async () => {
  const { code, output } = await run(root, process.execPath, REQUIRE, { NAPI_RS_NATIVE_LIBRARY_PATH: '/no/such.node' })
  assert.strictEqual(code, 1)
  assert.match(output, /NAPI_RS_NATIVE_LIBRARY_PATH names \/no\/such\.node: there is no such file\./)
})

const FACTS = { machine: 'linux-x64-gnu', prebuilt: ['linux-x64-gnu', 'linux-x64-musl', 'darwin-arm64'], installed: [] }
const failed = message => new Error(message)

/** What cannot be played on every machine: the cause, what is said, whether a build helps. */
const SAID = [
  ['an optional dependency that was left out', {}, /-linux-x64-gnu is not installed\.[^]*without `--omit=optional`[^]*npm\/cli#4828[^]*package-lock\.json/, true],
  ['the same with permissions', { hasPermissions: true }, /`--allow-fs-read` of the folder node_modules[^]*without `--omit=optional`/, true],
  ['node_modules of another processor', { machine: 'darwin-arm64', installed: ['darwin-x64'] }, /installed for darwin-x64, and this is darwin-arm64\.[^]*remove node_modules[^]*supportedArchitectures/, true],
  ['node_modules of another libc', { machine: 'linux-x64-musl', installed: ['linux-x64-gnu'] }, /installed for linux-x64-gnu, and this is linux-x64-musl\.[^]*--libc=musl/, true],
  ['a machine for which none is prebuilt', { machine: 'freebsd-x64' }, /none is prebuilt for freebsd-x64\.\n\nAddons are prebuilt for linux-x64-gnu, linux-x64-musl, darwin-arm64\.\n/, true],
  ['a package from elsewhere than the registry', { prebuilt: [] }, /names no prebuilt ones\.\n\nTo build it/, true],
  ['an addon of glibc on musl', { failure: failed('Error relocating /x.node: gnu_get_libc_version: symbol not found') }, /symbol not found\.\n\nThe file is damaged, or was made for another processor, system or C library\.\n/, true],
  ['an older glibc', { failure: failed('/lib/libc.so.6: version `GLIBC_2.34\' not found (required by /x.node)') }, /C library is older than the addon needs: .*GLIBC_2\.34/, true],
  ['an older Node', { failure: failed('The module requires Node-API version 9, but this version of Node.js only supports version 8') }, /needs Node 18\.3 or newer/, false],
  ['a bundle', { isBundle: true }, /it is not part of a bundle\.[^]*esbuild --external:grenache[^]*webpack: externals[^]*rollup: [^]*docs\/BUNDLING\.md/, false],
  ['Deno without ffi', { isDeno: true, failure: new Error('NotCapable: Requires ffi access to "/x.node"') }, /Add `--allow-ffi` to deno's options\./, false]
]

for (const [title, facts, says, builds] of SAID) {
  test(`the advice fits: ${title}`, () => {
    const text = advice({ ...FACTS, ...facts })
    assert.match(text, says)
    assert.strictEqual(BUILD.test(text), builds, text)
    assert.doesNotMatch(text, /undefined/)
  })
}

test('no advice crashes where the package\'s files are not there', async t => {
  // What a bundler makes of them: the modules are inside, and the files elsewhere.
  const folder = workplace(t)
  for (const file of ['install/advice.js', 'install/platform.js', 'lib/native/addon.js', 'package.json']) {
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true })
    fs.copyFileSync(path.join(root, file), path.join(folder, file))
  }
  const { code, output } = await run(folder, process.execPath, ['-e', 'require(\'./lib/native/addon\')'])
  assert.strictEqual(code, 1)
  assert.match(output, /cannot load its native addon \([\w-]+\): it is not part of a bundle\./)
  assert.match(output, /code: 'ERR_ADDON_UNAVAILABLE'/)
})

test('yarn without node_modules says in its own words that a package is not there', () => {
  const words = [
    `${name} tried to access ${name}-linux-x64-gnu, but it isn't declared in its dependencies\n\nRequired package: ${name}-linux-x64-gnu`,
    'Qualified path resolution failed: we looked for the following paths, but none could be accessed.\n\nSource path: /x.node\nNot found: /x.node'
  ]
  for (const text of words) assert.strictEqual(factsOf(new Error('', { cause: new Error(text) })).failure, undefined)
})

test('what is not installed here is known from the error of the loader', () => {
  const facts = factsOf(new Error('Cannot find native binding', { cause: new Error('Cannot find module \'x\'') }))
  assert.strictEqual(facts.failure, undefined)
  assert.ok(facts.installed.includes(facts.machine))
  assert.strictEqual(facts.isBundle, false)
})

test('a build finds every copy of its version below a service', t => {
  const folder = workplace(t)
  const put = (where, version, called = name) => {
    const copy = path.join(folder, where)
    fs.mkdirSync(copy, { recursive: true })
    fs.writeFileSync(path.join(copy, 'package.json'), JSON.stringify({ name: called, version }))
    return copy
  }
  const same = [
    put('node_modules/grenache-nodejs-ws', version),
    put('node_modules/link/node_modules/grenache-nodejs-ws-native', version),
    put('node_modules/@scope/thing/node_modules/grenache-nodejs-ws-native', version),
    put('node_modules/.pnpm/grenache@1/node_modules/grenache-nodejs-ws-native', version)
  ]
  const old = put('node_modules/old', '0.9.0')
  put('node_modules/other', version, 'other')
  put('packages/part', '1.0.0', 'part')
  // Links of workspaces and of pnpm, one of them in a circle.
  fs.symlinkSync(path.join(folder, 'packages/part'), path.join(folder, 'node_modules/part'))
  fs.symlinkSync(same[3], path.join(folder, 'node_modules/grenache-nodejs-ws-native'))
  fs.symlinkSync(path.join(folder, 'node_modules'), path.join(folder, 'packages/part/node_modules'))

  const found = copies(path.join(folder, 'packages/part'))
  assert.deepStrictEqual(found.same.slice().sort(), [root, ...same].sort())
  assert.deepStrictEqual(found.others, [{ folder: old, version: '0.9.0' }])
  assert.strictEqual(found.isUsed, true)
  assert.strictEqual(copies(workplace(t)).isUsed, false)
})
