'use strict'

// The generator of the fuzz of the whole: what it finds has to be found again.

const assert = require('assert')
const { spawnSync } = require('child_process')
const path = require('path')
const test = require('node:test')
const { ROLES, caseOf } = require('../../scripts/fuzz-whole/cases')
const { digestOf } = require('../../scripts/fuzz-whole/artifacts')

const root = path.join(__dirname, '..', '..')
const CASES = 40

const digests = seed => ROLES.map(role => digestOf(Array.from({ length: CASES }, (_, at) => caseOf(seed, role, at))))

test('the same seed gives the same bytes, in every process and order', () => {
  const source = `
    const { ROLES, caseOf } = require('./scripts/fuzz-whole/cases')
    const { digestOf } = require('./scripts/fuzz-whole/artifacts')
    for (const role of ROLES.reverse()) {
      const cases = []
      for (let at = ${CASES} - 1; at >= 0; at--) cases.unshift(caseOf(7, role, at))
      console.log(digestOf(cases))
    }`
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', source], { cwd: root, encoding: 'utf8' })
  assert.deepStrictEqual(stdout.trim().split('\n').reverse(), digests(7), stderr)
})

test('another seed gives other bytes', () => {
  const one = digests(7)
  const other = digests(8)
  assert.deepStrictEqual(one.filter((digest, at) => digest === other[at]), [])
})

test('each kind of attack comes, and is not too large for the machine that runs it', () => {
  for (const role of ROLES) {
    const names = new Set()
    let sent = 0
    for (let at = 0; at < 200; at++) {
      const { name, actors } = caseOf(1, role, at)
      names.add(name)
      for (const { times = 1, steps } of actors) {
        for (const { send = '', times: copies = 1 } of steps) sent += send.length * copies * times
      }
    }
    assert.ok(sent > 2 ** 22 && sent < 200 * 2 ** 21, `${role}: ${sent} bytes`)
    assert.ok(names.size >= { server: 12, pub: 12, grape: 6 }[role] || names.size === 1, `${role}: ${[...names]}`)
  }
})

test('a fault that a service has is found, and played again by its seed and number', () => {
  const fuzz = (...args) => spawnSync(process.execPath, ['scripts/fuzz-whole.js', ...args, '--weak', '--only', 'server'], { cwd: root, encoding: 'utf8' })
  const found = fuzz('30', '--seed', '1')
  const [, seed, number] = /^1 failed: --seed (\d+) --case (\S+),/m.exec(found.stdout) || assert.fail(found.stdout + found.stderr)
  assert.deepStrictEqual([found.status, seed], [1, '1'])
  assert.match(found.stdout, /weak at this/)
  const again = fuzz('--seed', seed, '--case', number)
  assert.strictEqual(again.status, 1, again.stdout + again.stderr)
  assert.match(again.stdout, /weak at this/)
})
