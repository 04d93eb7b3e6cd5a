'use strict'

// The table in docs/MIGRATING.md of which error comes when, of both packages.

const { test } = require('node:test')
const assert = require('node:assert')
const { execFile } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { promisify } = require('node:util')

const ROOT = path.join(__dirname, '..', '..')

/** The rows of the table, as `[what happens, original, here]`. */
function rows () {
  const page = fs.readFileSync(path.join(ROOT, 'docs', 'MIGRATING.md'), 'utf8')
  const [, section] = page.split('### Which error comes when\n')
  const table = section.split('\n### ')[0].split('\n').filter(line => line.startsWith('| '))
  return table.slice(1).map(line => line.slice(2, -2).split(' | '))
}

for (const [at, name] of ['original', 'native'].entries()) {
  test(`C380: errors are those of the table in docs/MIGRATING.md [${name}]`, async () => {
    const script = path.join(ROOT, '__test__', 'helpers', 'processes', 'texts.js')
    const { stdout } = await promisify(execFile)(process.execPath, [script, name], { timeout: 20000 })
    const said = rows().map(row => [row[0], row[1 + at].replaceAll('`', '')])
    assert.deepStrictEqual(Object.fromEntries(said), JSON.parse(stdout))
  })
}
