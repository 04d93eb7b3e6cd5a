'use strict'

// What the workflows may use and do.

const { test } = require('node:test')
const assert = require('node:assert')
const { problemsOf, workflowProblems } = require('../../scripts/workflows')
const { root } = require('../helpers/package/installed')

const COMMIT = '11d5960a326750d5838078e36cf38b85af677262'
const GOOD = `
on: { push: {} }
permissions:
  contents: read
jobs:
  publish:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@${COMMIT} # v4.4.0
        with:
          persist-credentials: false
      - run: npm ci --ignore-scripts
`

/** As a workflow puts a value into a text. */
const put = name => '$' + `{{ ${name} }}`

test('the workflows use what is pinned, and may do the least', () => {
  assert.deepStrictEqual(workflowProblems(root), [])
  assert.deepStrictEqual(problemsOf('x.yml', GOOD), [])
})

const WRONG = [
  ['an action by its tag', `@${COMMIT} # v4.4.0`, '@v4', ['publish: actions/checkout@v4 is not pinned by a commit', 'no version beside: - uses: actions/checkout@v4']],
  ['an action by a part of its commit', COMMIT, COMMIT.slice(0, 39), [`publish: actions/checkout@${COMMIT.slice(0, 39)} is not pinned by a commit`, `no version beside: - uses: actions/checkout@${COMMIT.slice(0, 39)} # v4.4.0`]],
  ['a commit without its version', ' # v4.4.0', '', [`no version beside: - uses: actions/checkout@${COMMIT}`]],
  ['no permissions, which are all', 'permissions:\n  contents: read\n', '', ['permissions undefined']],
  ['more permissions', 'contents: read', 'contents: write', ['permissions {"contents":"write"}']],
  ['more permissions of a job', 'runs-on', 'permissions: write-all\n    runs-on', ['publish: permissions "write-all"']],
  ['credentials that stay', 'persist-credentials: false', 'fetch-depth: 1', ['publish: a checkout keeps the credentials']],
  ['scripts of packages', ' --ignore-scripts', '', ['publish: npm ci runs the scripts of packages']],
  ['a script of others', 'npm ci --ignore-scripts', `echo ${put('github.head_ref')}`, ['publish: a script has what comes from outside put into it']],
  ['a secret', 'npm ci --ignore-scripts', `echo ${put('secrets.NPM_TOKEN')}`, ['secrets']],
  ['others\' code with our rights', 'push', 'pull_request_target', ['pull_request_target']]
]

for (const [title, from, to, problems] of WRONG) {
  test(`in a workflow is found: ${title}`, () => {
    assert.ok(GOOD.includes(from))
    assert.deepStrictEqual(problemsOf('x.yml', GOOD.replace(from, to)), problems.map(problem => `x.yml: ${problem}`))
  })
}

test('only the job that publishes has an identity that npm trusts', () => {
  const granted = GOOD.replace('runs-on', 'permissions:\n      contents: read\n      id-token: write\n    runs-on')
  assert.deepStrictEqual(problemsOf('release.yml', granted), [])
  assert.strictEqual(problemsOf('ci.yml', granted).length, 1)
})
