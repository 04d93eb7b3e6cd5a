'use strict'

// The packages as the release workflow makes them, for this platform and a foreign one.

const assert = require('node:assert')
const { execFileSync } = require('child_process')
const fs = require('fs')
const path = require('path')
const { addonFile } = require('../../../install/cargo')
const { artifactProblems } = require('../../../scripts/release')
const { pack, root, succeed } = require('./installed')

const NAME = 'grenache-nodejs-ws-native'
const PLATFORM = addonFile().split('.')[1]
/** A platform whose package cannot be had here, as for every user but those of that platform. */
const FOREIGN = ['x86_64-pc-windows-msvc', 'win32-x64-msvc']

/** What the release workflow does before it publishes; resolves with the packages' folders. */
async function release (folder) {
  const source = path.join(folder, 'package')
  const napi = (...args) => succeed(source, process.execPath, [
    path.join(path.dirname(require.resolve('@napi-rs/cli/package.json')), 'dist', 'cli.js'), ...args
  ])
  const { tarball, files } = await pack(root, folder)
  assert.deepStrictEqual(files.filter(({ path }) => path.endsWith('.node')), [])
  execFileSync('tar', ['-xzf', tarball, '-C', folder])
  const file = path.join(source, 'package.json')
  const json = JSON.parse(fs.readFileSync(file))
  const host = /^host: (.*)$/m.exec(execFileSync('rustc', ['-vV'], { encoding: 'utf8' }))[1]
  json.napi.targets = [host, FOREIGN[0]]
  fs.writeFileSync(file, JSON.stringify(json))
  for (const platform of [PLATFORM, FOREIGN[1]]) {
    const artifacts = path.join(source, 'artifacts', platform)
    fs.mkdirSync(artifacts, { recursive: true })
    fs.copyFileSync(path.join(root, addonFile()), path.join(artifacts, `${NAME}.${platform}.node`))
  }

  await napi('create-npm-dirs')
  assert.strictEqual((await artifactProblems(source)).length, 2)
  await napi('artifacts')
  assert.deepStrictEqual(await artifactProblems(source), [])
  await napi('pre-publish', '--tag-style', 'npm', '--no-gh-release', '--skip-optional-publish')
  assert.deepStrictEqual(Object.keys(JSON.parse(fs.readFileSync(file)).optionalDependencies),
    [`${NAME}-${PLATFORM}`, `${NAME}-${FOREIGN[1]}`])
  return {
    main: source,
    platform: path.join(source, 'npm', PLATFORM),
    foreign: path.join(source, 'npm', FOREIGN[1]),
    link: path.join(root, 'link')
  }
}

/** The same as tarballs of all that this machine installs. */
async function tarballs (folder) {
  const { foreign, ...folders } = await release(folder)
  const packed = Object.entries(folders).map(async ([name, each]) => [name, (await pack(each, folder)).tarball])
  return Object.fromEntries(await Promise.all(packed))
}

module.exports = { NAME, PLATFORM, release, tarballs }
