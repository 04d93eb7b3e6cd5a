'use strict'

// Both packages as they are packed, by the tools that find what resolves for nobody, or to the wrong
// types: publint and "Are the types wrong?".

const { test } = require('node:test')
const assert = require('node:assert')
const fs = require('fs')
const path = require('path')
const { pack, root, workplace } = require('../helpers/package/installed')

/** `pkg/package` is JSON, for `require`: TypeScript before `exports` has no way to it without the extension. */
const NO_TYPES = ['./package']

for (const folder of ['.', 'link']) {
  test(`the package in ${folder} resolves, with types, in every way`, async t => {
    const { tarball } = await pack(path.join(root, folder), workplace(t))
    const bytes = fs.readFileSync(tarball)

    const { publint } = await import('publint')
    const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
    const { messages } = await publint({ pack: { tarball: buffer }, strict: true })
    assert.deepStrictEqual(messages, [], 'publint')

    const { checkPackage, createPackageFromTarballData } = await import('@arethetypeswrong/core')
    const { entrypoints, problems } = await checkPackage(createPackageFromTarballData(new Uint8Array(bytes)), { excludeEntrypoints: NO_TYPES })
    assert.ok('.' in entrypoints)
    assert.deepStrictEqual(problems, [], 'arethetypeswrong')
  })
}

test('services can require the classes of lib/ by path, with types, and none of its rooms', () => {
  const names = (folder, end) => fs.readdirSync(path.join(root, folder)).filter(name => name.endsWith(end)).map(name => path.basename(name, end)).sort()
  const paths = Object.keys(require('../../package.json').exports).filter(name => name.startsWith('./lib/'))
  assert.deepStrictEqual(paths.sort(), names('lib', '.js').flatMap(name => [`./lib/${name}`, `./lib/${name}.js`]).sort())
  assert.deepStrictEqual(names('types/lib', '.d.ts'), names('lib', '.js'))
})
