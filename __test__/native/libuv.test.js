'use strict'

// Node's event loop is only used through the functions of Node's own libuv: another libuv in the process, of another
// addon, would read its loop wrongly.

const assert = require('node:assert')
const { test } = require('node:test')
const { Core } = require('../../lib/native/addon')

const { uv, bun, deno } = process.versions
const isPossible = process.platform !== 'win32' && !bun && !deno

test('the event loop moves connections if the libuv that is found is Node\'s', () => {
  assert.strictEqual(new Core(() => {}, isPossible ? uv : undefined).inLoop, isPossible)
})

for (const [what, version] of [['a libuv of another version', '1.0.0'], ['a longer version', `${uv}-dev`], ['no version', '']]) {
  test(`${what}: a thread moves connections`, () => {
    assert.strictEqual(new Core(() => {}, version).inLoop, false)
  })
}

test('without the version of libuv a thread moves connections', () => {
  assert.strictEqual(new Core(() => {}).inLoop, false)
})
