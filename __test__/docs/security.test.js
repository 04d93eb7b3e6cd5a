'use strict'

// SECURITY.md names a test for each promise, and each of them is there.

const { test } = require('node:test')
const assert = require('node:assert')
const fs = require('node:fs')
const path = require('node:path')

const root = path.join(__dirname, '..', '..')
const text = fs.readFileSync(path.join(root, 'SECURITY.md'), 'utf8')

/** Rows of the tables whose last column names tests: `[promise, proofs]`. */
const PROMISES = text
  .split('\n### ').slice(1).map(section => section.split('\n## ')[0])
  .flatMap(section => section.split('\n').filter(line => line.startsWith('| ')))
  .map(line => line.slice(2, -2).split(' | '))
  .filter(([promise]) => promise !== 'promise')

/** The text of the file that a proof names; those without an ending are in `__test__/hostile`. */
function sourceOf (file) {
  const place = file.endsWith('.rs') ? path.join('tests', file) : path.join('__test__', 'hostile', `${file}.test.js`)
  return fs.readFileSync(path.join(root, place), 'utf8')
}

test('each promise of SECURITY.md names tests that exist', () => {
  assert.ok(PROMISES.length > 20)
  for (const [promise, proofs] of PROMISES) {
    const named = [...proofs.matchAll(/`([\w.-]+): ([^`]+)`/g)]
    const links = [...proofs.matchAll(/\]\(([^)]+)\)/g)]
    assert.ok(named.length + links.length > 0, `nothing proves: ${promise}`)
    for (const [, place] of links) assert.ok(fs.existsSync(path.join(root, place)), place)
    for (const [, file, title] of named) {
      const source = sourceOf(file).replaceAll("\\'", "'")
      assert.ok(source.includes(title), `${file} has no test: ${title}`)
    }
  }
})
