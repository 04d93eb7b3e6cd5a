'use strict'

// docs/BUNDLING.md as it stands, with the newest bundlers, which are installed for this from the
// registry: they would be most of what a checkout installs.

const { before, test } = require('node:test')
const assert = require('node:assert')
const fs = require('fs')
const path = require('path')
const { install, makeService, root, run, serve, succeed, workplace } = require('../helpers/package/installed')
const { NAME, PLATFORM, tarballs } = require('../helpers/package/released')

const BUNDLERS = [
  'esbuild', 'webpack', 'webpack-cli', 'rollup', '@rollup/plugin-commonjs', '@rollup/plugin-json', '@rollup/plugin-node-resolve',
  '@vercel/ncc'
]

const PAGE = fs.readFileSync(path.join(root, 'docs', 'BUNDLING.md'), 'utf8')
const blocks = language => [...PAGE.matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, 'g'))].map(([, text]) => text)
const COMMANDS = blocks('sh').map(text => text.trim())

/** What each command writes, and whether it runs without any node_modules. */
const OUTPUTS = [
  ['dist/package-external.js', false],
  ['dist/package-external.mjs', false],
  ['dist/addon-external.js', false],
  ['copied/index.cjs', true],
  ['dist/addon-external.mjs', false],
  ['copied-esm/index.mjs', true],
  ['dist/webpack-package.js', false],
  ['dist/webpack-addon.js', false],
  ['dist/rollup-package.mjs', false],
  ['dist/rollup-addon.cjs', false],
  ['ncc/index.js', true]
]

const ANSWERS = { code: 0, output: 'hello world\n' }
let folder
let elsewhere

before(async () => {
  const ends = { after: end => process.once('exit', end) }
  folder = workplace(ends)
  elsewhere = workplace(ends)
  const { main, platform } = await tarballs(workplace(ends))
  makeService(folder, { [NAME]: main, [`${NAME}-${PLATFORM}`]: platform })
  fs.cpSync(path.join(__dirname, 'bundles'), folder, { recursive: true })
  const { code, output } = await install(folder)
  assert.strictEqual(code, 0, output)
  // Above the service, so that a bundle beside them does not find the package there.
  const tools = path.join(folder, 'tools')
  fs.mkdirSync(tools)
  fs.writeFileSync(path.join(tools, 'package.json'), '{ "private": true }\n')
  await succeed(tools, 'npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...BUNDLERS])
  for (const each of fs.readdirSync(path.join(tools, 'node_modules'))) {
    const place = path.join(folder, 'node_modules', each)
    if (!fs.existsSync(place)) fs.symlinkSync(path.join(tools, 'node_modules', each), place)
  }
  for (const text of blocks('js')) {
    const [, file] = /^\/\/ (\S+)\n/.exec(text)
    fs.writeFileSync(path.join(folder, file), text)
  }
})

/** npx would find the same in PATH. */
function bundle (command) {
  const PATH = `${path.join(folder, 'tools', 'node_modules', '.bin')}${path.delimiter}${process.env.PATH}`
  return succeed(folder, 'sh', ['-c', command.replace(/^npx /, '')], { PATH })
}

test('the page has a command for each bundle', () => {
  assert.strictEqual(COMMANDS.length, OUTPUTS.length)
  assert.ok(COMMANDS.every(command => command.startsWith('npx ')))
})

for (const [at, [file, isAlone]] of OUTPUTS.entries()) {
  test(`a service answers from ${file}`, async () => {
    await bundle(COMMANDS[at])
    assert.deepStrictEqual(await serve(folder, [file]), ANSWERS)
    // The same without any node_modules above.
    const moved = path.join(elsewhere, path.dirname(file))
    fs.cpSync(path.join(folder, path.dirname(file)), moved, { recursive: true })
    // Node would print the line that threw, which may be all of the bundle.
    const load = `import('./${file}').catch(err => { console.error(err.message); process.exitCode = 1 })`
    const { code, output } = await serve(elsewhere, ['-e', load])
    if (isAlone) return assert.deepStrictEqual({ code, output }, ANSWERS)
    assert.strictEqual(code, 1)
    if (/package/.test(file)) assert.match(output, /Cannot find (module|package) 'grenache-nodejs-ws-native'/)
    else assert.match(output, /cannot load its native addon \([\w-]+\): it is not part of a bundle\.[^]*--external:grenache-nodejs-ws-native/)
  })
}

test('a bundle of ES modules with everything inside says that it is a bundle', async () => {
  const { code, output } = await run(folder, 'sh', ['-c', `tools/node_modules/.bin/esbuild service.mjs --bundle --platform=node --format=esm '--external:${NAME}-*' --outfile=dist/inside.mjs "--banner:js=import { createRequire } from 'module'; const require = createRequire('file:///nowhere/')"`])
  assert.strictEqual(code, 0, output)
  const ran = await serve(folder, ['dist/inside.mjs'])
  assert.strictEqual(ran.code, 1)
  assert.match(ran.output, /cannot load its native addon \([\w-]+\): it is not part of a bundle\./)
})
