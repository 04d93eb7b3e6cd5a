'use strict'

// The gates of a release. Each prints problems, and exits with 1 if there are any.
//
//   node scripts/release.js sources [tag]     the workflow builds each target, all versions agree
//   node scripts/release.js artifacts         each target's package in npm/ holds its addon

const fs = require('fs')
const path = require('path')
const yaml = require('js-yaml')

/** The single list of targets: package.json's `napi.targets`. */
const targets = root => JSON.parse(read(root, 'package.json')).napi.targets

function read (root, file) {
  return fs.readFileSync(path.join(root, file), 'utf8')
}

const workflow = root => yaml.load(read(root, '.github/workflows/release.yml'))

function targetProblems (root) {
  const wanted = targets(root)
  const built = workflow(root).jobs.build.strategy.matrix.include.map(({ target }) => target)
  return [
    ...wanted.filter(target => !built.includes(target)).map(target => `${target} is not built by the workflow`),
    ...built.filter(target => !wanted.includes(target)).map(target => `${target} is not in napi.targets`),
    ...built.filter((target, at) => built.indexOf(target) !== at).map(target => `${target} is built twice`)
  ]
}

function versionProblems (root, tag) {
  const { name, version } = JSON.parse(read(root, 'package.json'))
  const lock = JSON.parse(read(root, 'package-lock.json'))
  const link = JSON.parse(read(root, 'link/package.json'))
  const found = {
    'package-lock.json': lock.version,
    'package-lock.json, its root': lock.packages[''].version,
    'link/package.json': link.version,
    'Cargo.toml': /^version = "(.*)"$/m.exec(read(root, 'Cargo.toml'))[1],
    'Cargo.lock': new RegExp(`^name = "${name}"\nversion = "(.*)"$`, 'm').exec(read(root, 'Cargo.lock'))[1],
    'CHANGELOG.md': /^## (?!Unreleased)(\S+)/m.exec(read(root, 'CHANGELOG.md'))[1],
    'binding.js': /package version mismatch, expected (\S+) but/.exec(read(root, 'binding.js'))[1]
  }
  if (tag !== undefined) found['the tag'] = tag.replace(/^v/, '')
  const problems = Object.entries(found).filter(([, other]) => other !== version)
    .map(([where, other]) => `${where} says ${other}, package.json ${version}`)

  const needed = `^${version.split('.')[0]}.0.0`
  if (link.dependencies[name] !== needed) {
    problems.push(`link/package.json depends on ${name} ${link.dependencies[name]}, and not on ${needed}`)
  }
  return problems
}

async function artifactProblems (root) {
  const { parseTriple } = await import('@napi-rs/cli')
  const { binaryName } = JSON.parse(read(root, 'package.json')).napi
  return targets(root).flatMap(target => {
    const { platformArchABI: platform } = parseTriple(target)
    const file = path.join('npm', platform, `${binaryName}.${platform}.node`)
    return fs.existsSync(path.join(root, file)) ? [] : [`${target} has no ${file}`]
  })
}

async function main (gate, tag) {
  const root = path.join(__dirname, '..')
  const gates = {
    sources: () => [...targetProblems(root), ...versionProblems(root, tag)],
    artifacts: () => artifactProblems(root)
  }
  const problems = await gates[gate]()
  for (const problem of problems) console.error(`error: ${problem}`)
  process.exitCode = problems.length === 0 ? 0 : 1
}

if (require.main === module) main(...process.argv.slice(2))

module.exports = { artifactProblems, targetProblems, targets, versionProblems, workflow }
