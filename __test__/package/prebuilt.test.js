'use strict'

// The packages as the release workflow makes them, in services that are moved by their
// package.json alone.

const { test, before, after } = require('node:test')
const assert = require('node:assert')
const fs = require('fs')
const path = require('path')
const { addonFile } = require('../../install/cargo')
const { install, makeService, root, serve, succeed, withoutCargo, workplace } = require('../helpers/package/installed')
const { NAME, PLATFORM, tarballs } = require('../helpers/package/released')

let packed
let cleanUp

before(async () => {
  const folder = workplace({ after: end => { cleanUp = end } })
  packed = await tarballs(folder)
})

after(() => cleanUp())

/** A service whose package.json names ours where the originals were; nothing may be built. */
async function moved (t) {
  const folder = workplace(t)
  makeService(folder, {
    'grenache-nodejs-ws': packed.main,
    'grenache-nodejs-link': packed.link
  }, {
    [NAME]: packed.main,
    [`${NAME}-${PLATFORM}`]: packed.platform
  })
  const { code, output } = await install(folder, { env: withoutCargo(folder) })
  assert.strictEqual(code, 0, output)
  assert.doesNotMatch(output, /cargo/)
  return folder
}

const modules = folder => path.join(folder, 'node_modules')

const answers = { code: 0, output: 'hello world\n' }

test('a service moves by its package.json alone, and uses the prebuilt addon', async t => {
  const folder = await moved(t)
  assert.deepStrictEqual(await serve(folder, ['service.js']), answers)
  assert.deepStrictEqual(await serve(folder, ['service.mjs']), answers)
  const found = await serve(folder, ['-p', `
    const Link = require('grenache-nodejs-link')
    const addons = Object.keys(require.cache).filter(file => file.endsWith('.node'))
    JSON.stringify([require('grenache-nodejs-ws').Link.name, Link.name, addons])
  `])
  const addon = path.join(modules(folder), `${NAME}-${PLATFORM}`, addonFile())
  assert.deepStrictEqual(JSON.parse(found.output), ['Link', 'Link', [addon]])
})

test('the types of both packages are found under the names of the originals', async t => {
  const folder = await moved(t)
  await succeed(folder, process.execPath, [
    path.join(path.dirname(require.resolve('typescript/package.json')), 'bin', 'tsc'),
    '--noEmit', '--strict', '--module', 'nodenext', '--types', 'node',
    '--typeRoots', path.join(root, 'node_modules', '@types'), 'types.cts'
  ])
})

for (const io of ['libuv', 'tokio']) {
  const bothWays = addons => new RegExp(`^two copies ${addons}\n(?=[^]*a true)(?=[^]*a news)(?=[^]*b true)(?=[^]*b news)`)

  test(`two copies that share the addon work together, ${io}`, async t => {
    const folder = await moved(t)
    const { code, output } = await serve(folder, ['copies.js'], { GRENACHE_IO: io })
    assert.strictEqual(code, 0, output)
    assert.match(output, bothWays(1))
  })

  test(`two copies with an addon each work together, ${io}`, async t => {
    const folder = await moved(t)
    for (const copy of ['grenache-nodejs-ws', NAME]) {
      fs.copyFileSync(path.join(root, addonFile()), path.join(modules(folder), copy, addonFile()))
    }
    const { code, output } = await serve(folder, ['copies.js'], { GRENACHE_IO: io })
    assert.strictEqual(code, 0, output)
    assert.match(output, bothWays(2))
    assert.deepStrictEqual(await serve(folder, ['service.js'], { GRENACHE_IO: io }), answers)
  })
}
