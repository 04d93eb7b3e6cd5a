'use strict'

// What the workflows of .github may use and do: what they run is what was looked at, and a job that
// is taken over can do little.

const fs = require('fs')
const path = require('path')
const yaml = require('js-yaml')

const FOLDER = path.join('.github', 'workflows')

/** Whoever can move a tag can change what it names; a commit stays what it is. */
const PINNED = /^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/
/** What people read beside it. */
const VERSION = /@[0-9a-f]{40} # v\d+\.\d+\.\d+$/

/** All that a workflow may do, but for what its jobs say of themselves. */
const LEAST = { contents: 'read' }
/** What jobs may do beyond that, by workflow and name: npm knows a release by its identity. */
const MORE = { 'release.yml': { publish: { contents: 'read', 'id-token': 'write' } } }

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other)

function stepProblems ({ uses, run = '', with: inputs = {} }) {
  const problems = []
  if (uses !== undefined && !PINNED.test(uses)) problems.push(`${uses} is not pinned by a commit`)
  if (/^actions\/checkout@/.test(uses) && inputs['persist-credentials'] !== false) {
    problems.push('a checkout keeps the credentials')
  }
  if (/\bnpm ci\b(?! --ignore-scripts)/.test(run)) problems.push('npm ci runs the scripts of packages')
  // What is put into a script becomes a part of it; what comes from outside is an environment variable.
  if (/\$\{\{\s*(github|inputs)\b/.test(run)) problems.push('a script has what comes from outside put into it')
  return problems
}

/** What is wrong with one workflow, as texts. */
function problemsOf (file, text) {
  const { permissions, jobs } = yaml.load(text)
  const problems = same(permissions, LEAST) ? [] : [`permissions ${JSON.stringify(permissions)}`]
  for (const [name, job] of Object.entries(jobs)) {
    const allowed = (MORE[file] || {})[name]
    if (job.permissions !== undefined && !same(job.permissions, allowed)) {
      problems.push(`${name}: permissions ${JSON.stringify(job.permissions)}`)
    }
    if (job.uses !== undefined && !PINNED.test(job.uses)) problems.push(`${name}: ${job.uses} is not pinned by a commit`)
    for (const step of job.steps || []) {
      for (const problem of stepProblems(step)) problems.push(`${name}: ${problem}`)
    }
  }
  for (const line of text.split('\n')) {
    if (/^\s*(- )?uses:/.test(line) && !VERSION.test(line)) problems.push(`no version beside: ${line.trim()}`)
  }
  if (/\bsecrets\b/.test(text)) problems.push('secrets')
  if (/\bpull_request_target\b/.test(text)) problems.push('pull_request_target')
  return problems.map(problem => `${file}: ${problem}`)
}

/** What is wrong with all workflows below `root`. */
function workflowProblems (root) {
  return fs.readdirSync(path.join(root, FOLDER)).sort()
    .flatMap(file => problemsOf(file, fs.readFileSync(path.join(root, FOLDER, file), 'utf8')))
}

module.exports = { problemsOf, workflowProblems }
