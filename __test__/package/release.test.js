'use strict'

// The gates of a release, and its workflow.

const { test } = require('node:test')
const assert = require('node:assert')
const fs = require('fs')
const path = require('path')
const { addonFile } = require('../../install/cargo')
const { artifactProblems, targetProblems, targets, versionProblems, workflow } = require('../../scripts/release')
const { root, workplace } = require('../helpers/package/installed')

const WORKFLOW = '.github/workflows/release.yml'
const READ = [
  'package.json', 'package-lock.json', 'link/package.json', 'Cargo.toml', 'Cargo.lock', 'CHANGELOG.md', 'binding.js',
  WORKFLOW
]

/** A folder with what the gates read, where `change` replaces texts of one file. */
function changed (t, file, from, to) {
  const folder = workplace(t)
  for (const each of READ) {
    fs.mkdirSync(path.dirname(path.join(folder, each)), { recursive: true })
    fs.copyFileSync(path.join(root, each), path.join(folder, each))
  }
  const text = fs.readFileSync(path.join(folder, file), 'utf8')
  assert.ok(text.includes(from))
  fs.writeFileSync(path.join(folder, file), text.replace(from, to))
  return folder
}

test('the workflow builds exactly the targets of package.json', t => {
  assert.strictEqual(targets(root).length, 7)
  assert.deepStrictEqual(targetProblems(root), [])

  const misses = changed(t, WORKFLOW, '- target: aarch64-apple-darwin', '- target: x86_64-apple-darwin')
  assert.deepStrictEqual(targetProblems(misses),
    ['aarch64-apple-darwin is not built by the workflow', 'x86_64-apple-darwin is built twice'])
  const exceeds = changed(t, 'package.json', '      "aarch64-unknown-linux-gnu",\n', '')
  assert.deepStrictEqual(targetProblems(exceeds), ['aarch64-unknown-linux-gnu is not in napi.targets'])
})

test('all files say the same version, and the tag does', t => {
  const { version } = require('../../package.json')
  assert.deepStrictEqual(versionProblems(root), [])
  assert.deepStrictEqual(versionProblems(root, `v${version}`), [])
  assert.deepStrictEqual(versionProblems(root, 'v0.0.1'), [`the tag says 0.0.1, package.json ${version}`])

  const cargo = changed(t, 'Cargo.toml', `version = "${version}"`, 'version = "0.0.1"')
  assert.deepStrictEqual(versionProblems(cargo), [`Cargo.toml says 0.0.1, package.json ${version}`])
  const link = changed(t, 'link/package.json', '-native": "^', '-native": "^0')
  assert.strictEqual(versionProblems(link).length, 1)
})

test('a target without an artifact is found', async t => {
  const folder = changed(t, 'package.json', '', '')
  const name = 'npm/linux-arm64-musl/grenache-nodejs-ws-native.linux-arm64-musl.node'
  assert.strictEqual((await artifactProblems(folder)).length, targets(root).length)
  const { parseTriple } = await import('@napi-rs/cli')
  for (const target of targets(root)) {
    const { platformArchABI: platform } = parseTriple(target)
    fs.mkdirSync(path.join(folder, 'npm', platform), { recursive: true })
    fs.writeFileSync(path.join(folder, 'npm', platform, `grenache-nodejs-ws-native.${platform}.node`), '')
  }
  assert.deepStrictEqual(await artifactProblems(folder), [])
  fs.rmSync(path.join(folder, name))
  assert.deepStrictEqual(await artifactProblems(folder), [`aarch64-unknown-linux-musl has no ${path.normalize(name)}`])
})

test('the workflow checks before it publishes: platforms, then the package, then the link, with provenance', () => {
  const { jobs, on } = workflow(root)
  assert.deepStrictEqual([jobs.build.needs, jobs.publish.needs, on], ['check', 'build', { push: { tags: ['v*'] } }])
  const commands = [...jobs.check.steps, ...jobs.publish.steps].map(step => step.run || '').join('\n')
  const steps = [
    'release.js sources', 'release.js artifacts', 'for folder in npm/*', 'publish "$folder"\n', 'publish .\n', 'publish link\n'
  ]
  const places = steps.map(step => commands.indexOf(step))
  assert.ok(places.every((place, at) => place > (places[at - 1] || 0)), `${places}`)
  assert.deepStrictEqual(commands.match(/npm publish .*/g), ['npm publish "./$1" --provenance --access public'])
})

test('a build from source names the addon of each target as binding.js does', async () => {
  const { parseTriple } = await import('@napi-rs/cli')
  const binding = fs.readFileSync(path.join(root, 'binding.js'), 'utf8')
  for (const target of [...targets(root), 'aarch64-pc-windows-msvc', 'armv7-unknown-linux-gnueabihf', 'x86_64-unknown-freebsd']) {
    const { platform, arch, platformArchABI } = parseTriple(target)
    const file = addonFile({ platform, arch, musl: target.includes('musl') })
    assert.strictEqual(file, `grenache-nodejs-ws-native.${platformArchABI}.node`)
    assert.ok(binding.includes(`require('./${file}')`), file)
  }
  assert.ok(fs.existsSync(path.join(root, addonFile())))
})
