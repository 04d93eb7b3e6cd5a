'use strict'

// The package where no prebuilt addon fits: built from source, by hand.

const { test } = require('node:test')
const assert = require('node:assert')
const { createHash } = require('crypto')
const { execFileSync } = require('child_process')
const fs = require('fs')
const path = require('path')
const { addonFile } = require('../../install/cargo')
const { BUILD, OLD_CODE, install, makeService, pack, root, run, serve, workplace } = require('../helpers/package/installed')

const NAME = 'grenache-nodejs-ws-native'
/** One folder for this checkout: cargo keeps what it builds for each. */
const FOLDER = createHash('sha256').update(root).digest('hex').slice(0, 8)

/** What the checkout's own build has compiled is not compiled again: all but this crate. */
const shared = () => ({
  CARGO_TARGET_DIR: path.join(root, 'target'),
  CARGO_BUILD_TARGET: /^host: (.*)$/m.exec(execFileSync('rustc', ['-vV'], { encoding: 'utf8' }))[1],
  CARGO_NET_OFFLINE: 'true'
})

test('grenache-build serves every copy of the service with one build', async t => {
  const folder = workplace(t, FOLDER)
  const { tarball } = await pack(root, folder)
  makeService(folder, { 'grenache-nodejs-ws': tarball, [NAME]: tarball })
  // A workspace of the service, which the package is no member of.
  fs.writeFileSync(path.join(folder, 'Cargo.toml'), '[workspace]\nmembers = []\n')
  const installed = await install(folder)
  assert.strictEqual(installed.code, 0, installed.output)
  const required = await serve(folder, OLD_CODE)
  assert.strictEqual(required.code, 1)
  assert.match(required.output, BUILD)

  const built = await run(folder, 'npx', ['--no', '-p', NAME, 'grenache-build'], shared())
  assert.strictEqual(built.code, 0, built.output)
  const addons = ['grenache-nodejs-ws', NAME].map(copy => path.join(folder, 'node_modules', copy, addonFile()))
  assert.deepStrictEqual(built.output.match(/^built .*$/gm).sort(), addons.map(file => `built ${file}`).sort())
  assert.deepStrictEqual(await serve(folder, OLD_CODE), { code: 0, output: 'hello world\n' })
  const { code, output } = await serve(folder, ['copies.js'])
  assert.strictEqual(code, 0, output)
  assert.match(output, /^two copies 2\n/)
})
