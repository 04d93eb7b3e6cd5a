'use strict'

// The package where no prebuilt addon fits: built from source, at install or by hand, or not.

const { test } = require('node:test')
const assert = require('node:assert')
const { createHash } = require('crypto')
const { execFileSync } = require('child_process')
const fs = require('fs')
const path = require('path')
const { addonFile } = require('../../scripts/cargo')
const { install, makeService, pack, root, run, serve, withoutCargo, workplace } = require('../helpers/installed')

const ADVICE = /has no native addon for this machine \(\w+ \w+\): [^]*get Rust \d+\.\d+ or newer[^]*npx grenache-build[^]*npm run build:native/
const INSTALLED = 'node_modules/grenache-nodejs-ws-native'
const OLD_CODE = ['--require', 'grenache-nodejs-ws-native/register', 'service.js']
/** One folder for this checkout: cargo keeps what it builds for each. */
const FOLDER = createHash('sha256').update(root).digest('hex').slice(0, 8)

/** What the checkout's own build has compiled is not compiled again: all but this crate. */
const shared = () => ({
  CARGO_TARGET_DIR: path.join(root, 'target'),
  CARGO_BUILD_TARGET: /^host: (.*)$/m.exec(execFileSync('rustc', ['-vV'], { encoding: 'utf8' }))[1],
  CARGO_NET_OFFLINE: 'true'
})

async function service (t) {
  const folder = workplace(t, FOLDER)
  makeService(folder, { 'grenache-nodejs-ws-native': (await pack(root, folder)).tarball })
  return folder
}

const hasAddon = folder => fs.existsSync(path.join(folder, INSTALLED, addonFile()))

test('without cargo the installation goes well and says what to do, and so does require', async t => {
  const folder = await service(t)
  const env = withoutCargo(folder)
  const { code, output } = await install(folder, { env })
  assert.strictEqual(code, 0, output)
  assert.match(output, ADVICE)
  assert.match(output, /`cargo` was not found/)

  const required = await serve(folder, OLD_CODE, env)
  assert.strictEqual(required.code, 1)
  assert.match(required.output, ADVICE)
  assert.match(required.output, /code: 'ERR_ADDON_UNAVAILABLE'/)

  const built = await run(folder, 'npx', ['--no', 'grenache-build'], env)
  assert.strictEqual(built.code, 1)
  assert.match(built.output, ADVICE)
})

test('an addon that does not load is said, and why', async t => {
  const folder = await service(t)
  assert.strictEqual((await install(folder, { args: ['--ignore-scripts'] })).code, 0)
  fs.writeFileSync(path.join(folder, INSTALLED, addonFile()), 'no addon')
  const { code, output } = await serve(folder, OLD_CODE)
  assert.strictEqual(code, 1)
  assert.match(output, ADVICE)
  assert.ok(output.includes(`${path.join(folder, INSTALLED, addonFile())}: `), output)
})

test('where scripts are blocked npx grenache-build builds; with cargo the installation does', async t => {
  const folder = await service(t)
  // A workspace of the service, which the package is no member of.
  fs.writeFileSync(path.join(folder, 'Cargo.toml'), '[workspace]\nmembers = []\n')
  const blocked = await install(folder, { args: ['--ignore-scripts'] })
  assert.strictEqual(blocked.code, 0, blocked.output)
  const required = await serve(folder, OLD_CODE)
  assert.strictEqual(required.code, 1)
  assert.match(required.output, ADVICE)

  const built = await run(folder, 'npx', ['--no', 'grenache-build'], shared())
  assert.strictEqual(built.code, 0, built.output)
  assert.deepStrictEqual(await serve(folder, OLD_CODE), { code: 0, output: 'hello world\n' })

  // npm's install hook, without what was built; cargo still has it.
  fs.rmSync(path.join(folder, INSTALLED, addonFile()))
  const rebuilt = await run(folder, 'npm', ['rebuild', '--foreground-scripts'], shared())
  assert.strictEqual(rebuilt.code, 0, rebuilt.output)
  assert.ok(hasAddon(folder), rebuilt.output)
  assert.deepStrictEqual(await serve(folder, OLD_CODE), { code: 0, output: 'hello world\n' })

  // It is not built when it is there.
  const again = await run(folder, 'npm', ['rebuild', '--foreground-scripts'], withoutCargo(folder))
  assert.strictEqual(again.code, 0)
  assert.doesNotMatch(again.output, /cargo/)
})
