'use strict'

// The package without an addon: what is said, and when.

const { test } = require('node:test')
const assert = require('node:assert')
const fs = require('fs')
const path = require('path')
const { addonFile } = require('../../scripts/cargo')
const { ADVICE, INSTALLED, OLD_CODE, install, packedService, run, serve, withoutCargo, workplace } = require('../helpers/installed')

test('without cargo the installation goes well and says what to do, and so does require', async t => {
  const folder = await packedService(workplace(t))
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
  const folder = await packedService(workplace(t))
  assert.strictEqual((await install(folder, { args: ['--ignore-scripts'] })).code, 0)
  fs.writeFileSync(path.join(folder, INSTALLED, addonFile()), 'no addon')
  const { code, output } = await serve(folder, OLD_CODE)
  assert.strictEqual(code, 1)
  assert.match(output, ADVICE)
  assert.ok(output.includes(`${path.join(folder, INSTALLED, addonFile())}: `), output)
})
