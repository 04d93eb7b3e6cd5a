'use strict'

// docs/TESTING.md, in the newest jest and vitest, which are installed for this from the registry: they
// would be most of what a checkout installs.

const { before, test } = require('node:test')
const assert = require('node:assert')
const fs = require('fs')
const os = require('os')
const path = require('path')
const { root, run, succeed } = require('../helpers/package/installed')
const { blockOf } = require('../helpers/docs/pages')

const RUNNERS = ['jest@30', 'vitest@5']
const FIXTURE = path.join(__dirname, 'runners')
const PAGE = 'docs/TESTING.md'

let folder

before(async () => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'grenache-runners-')))
  process.once('exit', () => fs.rmSync(folder, { recursive: true, force: true }))
  fs.cpSync(FIXTURE, folder, { recursive: true })
  const jest = { testMatch: ['**/*.jest.js'], ...JSON.parse(blockOf(PAGE, 'jest', 'json')).jest }
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name: 'service', private: true, jest }))
  fs.writeFileSync(path.join(folder, 'vitest.config.mjs'), blockOf(PAGE, 'vitest', 'js').replace('test: {', 'test: { include: [\'*.vitest.mjs\'],'))
  fs.writeFileSync(path.join(folder, 'timers.jest.js'), blockOf(PAGE, 'Fake timers', 'js'))
  await succeed(folder, 'npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--no-save', ...RUNNERS])
  fs.symlinkSync(root, path.join(folder, 'node_modules', 'grenache-nodejs-ws-native'), 'junction')
})

function jest (...args) {
  return run(folder, process.execPath, ['node_modules/jest/bin/jest.js', '--ci', ...args], { NODE_ENV: 'test' })
}

function passes ({ code, output }, passed) {
  assert.strictEqual(code, 0, output)
  assert.match(output, passed, output)
  assert.doesNotMatch(output, /open handle|leaking|did not exit/, output)
}

test('jest finds this package by the originals\' names, and its clock counts', async () => {
  passes(await jest(), /Tests: +7 passed/)
})

test('C354: nothing of a file is left when it is done', async () => {
  passes(await jest('--detectLeaks', 'loads', 'answers'), /Tests: +2 passed/)
})

test('C354: nothing is open when all has stopped', async () => {
  passes(await jest('--detectOpenHandles', 'loads', 'service'), /Tests: +4 passed/)
})

test('C354: jest may take a file\'s globals apart', async () => {
  passes(await jest('--testEnvironmentOptions={"globalsCleanup":"on"}', 'loads', 'service'), /Tests: +4 passed/)
})

test('vitest finds this package by the originals\' names, and its clock counts', async () => {
  passes(await run(folder, process.execPath, ['node_modules/vitest/vitest.mjs', 'run'], { NO_COLOR: '1' }), /Tests +3 passed/)
})
