'use strict'

// What is packed.

const { test } = require('node:test')
const assert = require('node:assert')
const fs = require('fs')
const path = require('path')
const { pack, root, workplace } = require('../helpers/package/installed')

const ALLOWED = [
  /^(index|link|testing)\.(js|d\.ts)$/, /^binding\.(js|d\.ts)$/, /^types\/(lib\/)?\w+\.d\.ts$/, /^register\.(js|d\.ts)$/, /^package\.json$/,
  /^lib\/(\w+\/)?\w+\.js$/, /^(bin|examples)\/[\w-]+\.js$/, /^install\/\w+\.js$/,
  /^src\/(\w+\/)*\w+\.rs$/, /^build\.rs$/, /^Cargo\.(toml|lock)$/,
  /^docs\/[A-Z]+\.md$/, /^(README|CHANGELOG|SECURITY)\.md$/, /^LICENSE$/
]
const NEEDED = [
  'index.js', 'index.d.ts', 'link.js', 'register.js', 'testing.js', 'testing.d.ts', 'types/peer.d.ts', 'binding.js', 'lib/native/addon.js', 'install/advice.js', 'lib/cli/index.js', 'bin/grenache.js', 'bin/grenache-build.js',
  'install/cargo.js', 'src/lib.rs', 'build.rs', 'Cargo.toml', 'Cargo.lock', 'LICENSE', 'README.md'
]

test('the package holds what it needs, and no tests, benches or stray files', async t => {
  const { files, size } = await pack(root, workplace(t))
  t.diagnostic(`packed: ${Math.round(size / 1024)} KiB, ${files.length} files`)
  const paths = files.map(file => file.path)
  assert.deepStrictEqual(paths.filter(file => !ALLOWED.some(pattern => pattern.test(file))), [])
  assert.deepStrictEqual(paths.filter(file => /tests?\b|bench|fuzz|target/.test(file)), [])
  assert.deepStrictEqual(NEEDED.filter(file => !paths.includes(file)), [])
  assert.deepStrictEqual(Object.keys(require('../../package.json').scripts).filter(name => /install|prepare/.test(name)), [])
  assert.ok(paths.includes('docs/MIGRATING.md') && paths.includes('src/node/mod.rs'))
})

test('the package of the link holds its module, types, README and license', async t => {
  const { files } = await pack(path.join(root, 'link'), workplace(t))
  assert.deepStrictEqual(files.map(file => file.path).sort(),
    ['LICENSE', 'README.md', 'index.d.ts', 'index.js', 'package.json'])
})

test('no text tells to run a command that npx would fetch from somebody else', async t => {
  const { files } = await pack(root, workplace(t))
  const texts = [...files.map(({ path }) => path), 'CONTRIBUTING.md'].filter(file => /\.(md|js|d\.ts)$/.test(file))
  const wrong = texts.filter(file => /\bnpx (--?\w+ )*gr(ape|enache)\b(?!-nodejs)/.test(fs.readFileSync(path.join(root, file), 'utf8')))
  assert.deepStrictEqual(wrong, ['CHANGELOG.md', 'README.md'], 'README says why not')
})
