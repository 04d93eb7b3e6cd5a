'use strict'

// Restrictions on the workflows of .github: they run only reviewed code, and a compromised job can
// do little.

const fs = require('fs')
const path = require('path')
const yaml = require('js-yaml')

const FOLDER = path.join('.github', 'workflows')

/** Tags can be moved to other code; a commit cannot. */
const PINNED = /^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/
/** The version beside it, for people. */
const VERSION = /@[0-9a-f]{40} # v\d+\.\d+\.\d+$/

/** The default permissions of a workflow, unless a job has its own. */
const LEAST = { contents: 'read' }
/** Further permissions of jobs, by workflow and name: npm verifies a release by its identity. */
const MORE = { 'release.yml': { publish: { contents: 'read', 'id-token': 'write' } } }

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other)

function stepProblems ({ uses, run = '', with: inputs = {} }) {
  const problems = []
  if (uses !== undefined && !PINNED.test(uses)) problems.push(`${uses} is not pinned by a commit`)
  if (/^actions\/checkout@/.test(uses) && inputs['persist-credentials'] !== false) {
    problems.push('a checkout keeps the credentials')
  }
  if (/\bnpm ci\b(?! --ignore-scripts)/.test(run)) problems.push('npm ci runs the scripts of packages')
  // An expression becomes part of the script; outside data must be in an environment variable.
  if (/\$\{\{\s*(github|inputs)\b/.test(run)) problems.push('a script has what comes from outside put into it')
  return problems
}

/** Problems of one workflow, as texts. */
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

/** Problems of all workflows below `root`. */
function workflowProblems (root) {
  return fs.readdirSync(path.join(root, FOLDER)).sort()
    .flatMap(file => problemsOf(file, fs.readFileSync(path.join(root, FOLDER, file), 'utf8')))
}

module.exports = { problemsOf, workflowProblems }
