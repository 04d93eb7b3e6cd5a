'use strict'

// The packages as the release workflow makes them, in services that are moved by their
// package.json alone.

const { test, before, after } = require('node:test')
const assert = require('node:assert')
const { execFileSync } = require('child_process')
const fs = require('fs')
const path = require('path')
const { addonFile } = require('../../scripts/cargo')
const { artifactProblems } = require('../../scripts/release')
const { install, makeService, pack, root, serve, succeed, withoutCargo, workplace } = require('../helpers/installed')

const NAME = 'grenache-nodejs-ws-native'
const PLATFORM = addonFile().split('.')[1]
/** A platform whose package cannot be had here, as for every user but those of that platform. */
const FOREIGN = ['x86_64-pc-windows-msvc', 'win32-x64-msvc']

let tarballs
let cleanUp

before(async () => {
  const folder = workplace({ after: end => { cleanUp = end } })
  tarballs = await release(folder)
})

after(() => cleanUp())

/** What the release workflow does before it publishes, for this platform and a foreign one. */
async function release (folder) {
  const source = path.join(folder, 'package')
  const napi = (...args) => succeed(source, process.execPath, [
    path.join(path.dirname(require.resolve('@napi-rs/cli/package.json')), 'dist', 'cli.js'), ...args
  ])
  execFileSync('tar', ['-xzf', (await pack(root, folder)).tarball, '-C', folder])
  const file = path.join(source, 'package.json')
  const json = JSON.parse(fs.readFileSync(file))
  const host = /^host: (.*)$/m.exec(execFileSync('rustc', ['-vV'], { encoding: 'utf8' }))[1]
  json.napi.targets = [host, FOREIGN[0]]
  fs.writeFileSync(file, JSON.stringify(json))
  for (const platform of [PLATFORM, FOREIGN[1]]) {
    const artifacts = path.join(source, 'artifacts', platform)
    fs.mkdirSync(artifacts, { recursive: true })
    fs.copyFileSync(path.join(root, addonFile()), path.join(artifacts, `${NAME}.${platform}.node`))
  }

  await napi('create-npm-dirs')
  assert.strictEqual((await artifactProblems(source)).length, 2)
  await napi('artifacts')
  assert.deepStrictEqual(await artifactProblems(source), [])
  await napi('pre-publish', '--tag-style', 'npm', '--no-gh-release', '--skip-optional-publish')
  assert.deepStrictEqual(Object.keys(JSON.parse(fs.readFileSync(file)).optionalDependencies),
    [`${NAME}-${PLATFORM}`, `${NAME}-${FOREIGN[1]}`])

  const packages = [source, path.join(source, 'npm', PLATFORM), path.join(root, 'link')]
  const [main, platform, link] = await Promise.all(packages.map(each => pack(each, folder)))
  assert.deepStrictEqual(main.files.filter(({ path }) => path.endsWith('.node')), [])
  return { main: main.tarball, platform: platform.tarball, link: link.tarball }
}

/** A service whose package.json names ours where the originals were; nothing may be built. */
async function moved (t) {
  const folder = workplace(t)
  makeService(folder, {
    'grenache-nodejs-ws': tarballs.main,
    'grenache-nodejs-link': tarballs.link
  }, {
    [NAME]: tarballs.main,
    [`${NAME}-${PLATFORM}`]: tarballs.platform
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
