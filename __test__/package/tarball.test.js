'use strict'

// What is packed.

const { test } = require('node:test')
const assert = require('node:assert')
const path = require('path')
const { pack, root, workplace } = require('../helpers/installed')

const ALLOWED = [
  /^(index|link|testing)\.(js|d\.ts)$/, /^binding\.(js|d\.ts)$/, /^types\/(lib\/)?\w+\.d\.ts$/, /^register\.(js|d\.ts)$/, /^package\.json$/,
  /^(lib|lib\/command|bin|examples)\/[\w-]+\.js$/, /^scripts\/(advice|cargo|install)\.js$/,
  /^src\/(\w+\/)*\w+\.rs$/, /^build\.rs$/, /^Cargo\.(toml|lock)$/,
  /^docs\/[A-Z]+\.md$/, /^(README|CHANGELOG|SECURITY)\.md$/, /^LICENSE$/
]
const NEEDED = [
  'index.js', 'index.d.ts', 'link.js', 'register.js', 'testing.js', 'testing.d.ts', 'types/peer.d.ts', 'binding.js', 'lib/native.js', 'lib/command/index.js', 'bin/grenache.js', 'bin/grenache-build.js',
  'scripts/install.js', 'src/lib.rs', 'build.rs', 'Cargo.toml', 'Cargo.lock', 'LICENSE', 'README.md'
]

test('the package holds what it needs, and no tests, benches or stray files', async t => {
  const { files, size } = await pack(root, workplace(t))
  t.diagnostic(`packed: ${Math.round(size / 1024)} KiB, ${files.length} files`)
  const paths = files.map(file => file.path)
  assert.deepStrictEqual(paths.filter(file => !ALLOWED.some(pattern => pattern.test(file))), [])
  assert.deepStrictEqual(paths.filter(file => /tests?\b|bench|fuzz|target/.test(file)), [])
  assert.deepStrictEqual(NEEDED.filter(file => !paths.includes(file)), [])
  assert.ok(paths.includes('docs/MIGRATING.md') && paths.includes('src/node/mod.rs'))
})

test('the package of the link holds its module, types, README and license', async t => {
  const { files } = await pack(path.join(root, 'link'), workplace(t))
  assert.deepStrictEqual(files.map(file => file.path).sort(),
    ['LICENSE', 'README.md', 'index.d.ts', 'index.js', 'package.json'])
})
