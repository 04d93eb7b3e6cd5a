'use strict'

// The package where no prebuilt addon fits: built from source, by hand or at install.

const { test } = require('node:test')
const assert = require('node:assert')
const { createHash } = require('crypto')
const { execFileSync } = require('child_process')
const fs = require('fs')
const path = require('path')
const { addonFile } = require('../../scripts/cargo')
const { ADVICE, INSTALLED, OLD_CODE, install, packedService, root, run, serve, withoutCargo, workplace } = require('../helpers/installed')

/** One folder for this checkout: cargo keeps what it builds for each. */
const FOLDER = createHash('sha256').update(root).digest('hex').slice(0, 8)

/** What the checkout's own build has compiled is not compiled again: all but this crate. */
const shared = () => ({
  CARGO_TARGET_DIR: path.join(root, 'target'),
  CARGO_BUILD_TARGET: /^host: (.*)$/m.exec(execFileSync('rustc', ['-vV'], { encoding: 'utf8' }))[1],
  CARGO_NET_OFFLINE: 'true'
})

const hasAddon = folder => fs.existsSync(path.join(folder, INSTALLED, addonFile()))

test('where scripts are blocked npx grenache-build builds; with cargo the installation does', async t => {
  const folder = await packedService(workplace(t, FOLDER))
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
