'use strict'

// The packages as they are published, from a registry on this machine, with each package manager.

const { after, before, test } = require('node:test')
const assert = require('node:assert')
const fs = require('fs')
const path = require('path')
const { addonFile } = require('../../install/cargo')
const { blocksOf } = require('../helpers/docs/pages')
const { BUILD, FIXTURE, root, run, serve, withoutCargo, workplace } = require('../helpers/package/installed')
const { OVERRIDES, TOOLS, managers, startRegistry, tools } = require('../helpers/package/registry')
const { NAME, PLATFORM, release } = require('../helpers/package/released')

const { version } = require('../../package.json')
const MIXED = version.replace(/\d+$/, patch => `${Number(patch) + 1}-mixed`)
const MACHINE = PLATFORM
const ALIASES = {
  'grenache-nodejs-ws': `npm:${NAME}@^${version}`,
  'grenache-nodejs-link': `npm:grenache-nodejs-link-native@^${version}`
}
const ANSWERS = { code: 0, output: 'hello world\n' }
const ENDS = { after: end => process.once('exit', end) }
/** Packages of somebody else, with the names of our commands. */
const STRANGERS = ['grape', 'grenache', 'grenache-build']
/** Stand-ins for the originals, which a service has installed. */
const ORIGINALS = ['grenache-nodejs-ws', 'grenache-nodejs-link']

let registry
let modules

before(async () => {
  const folder = workplace(ENDS)
  modules = await tools('managers', TOOLS, OVERRIDES)
  const [started, packages] = await Promise.all([startRegistry(modules, folder), release(folder)])
  registry = started
  for (const each of Object.values(packages)) await registry.publish(each)
  await registry.publish(mixed(packages.main), '--tag', 'mixed')
  for (const name of STRANGERS) await registry.publish(stranger(folder, name))
  for (const name of ORIGINALS) await registry.publish(stranger(folder, name, '1.0.0'))
})

after(() => registry.stop())

/** A next version that still asks for the addon of this one. */
function mixed (main) {
  const folder = path.join(path.dirname(main), 'mixed')
  fs.cpSync(main, folder, { recursive: true, filter: file => !/\.node$/.test(file) })
  const json = JSON.parse(fs.readFileSync(path.join(folder, 'package.json')))
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ ...json, version: MIXED }))
  return folder
}

function stranger (folder, name, version = '7.0.0') {
  const place = path.join(folder, `stranger-${name}`)
  fs.mkdirSync(place)
  fs.writeFileSync(path.join(place, 'package.json'), JSON.stringify({ name, version, bin: 'bin.js' }))
  fs.writeFileSync(path.join(place, 'bin.js'), '#!/usr/bin/env node\nconsole.log(\'somebody else\')\n')
  return place
}

/** A service that asks for packages of the registry, at a user's who has nothing else. */
function service (t, dependencies, settings = {}) {
  const folder = workplace(t)
  fs.cpSync(FIXTURE, folder, { recursive: true })
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name: 'service', private: true, dependencies }))
  fs.writeFileSync(path.join(folder, '.npmrc'), `registry=${registry.url}\n`)
  fs.writeFileSync(path.join(folder, '.yarnrc'), `registry "${registry.url}"\n`)
  fs.writeFileSync(path.join(folder, '.yarnrc.yml'), JSON.stringify({
    npmRegistryServer: registry.url, unsafeHttpWhitelist: ['127.0.0.1'], enableTelemetry: false, npmMinimalAgeGate: 0, ...settings
  }))
  // Without it yarn 4 takes a package.json above for the project's.
  fs.writeFileSync(path.join(folder, 'yarn.lock'), '')
  const env = { ...withoutCargo(folder), HOME: path.join(folder, '.home'), CI: '' }
  return { folder, env }
}

/** Installs with a manager and options of it: arguments, or settings of yarn 4. */
async function installed (t, manager, dependencies, options = []) {
  const isSettings = !Array.isArray(options)
  const { folder, env } = service(t, dependencies, { ...manager.settings, ...(isSettings ? options : {}) })
  const [command, ...args] = [...manager.command, 'install', ...(isSettings ? [] : options)]
  const { code, output } = await run(folder, command, args, env)
  assert.strictEqual(code, 0, output)
  assert.doesNotMatch(output, /install script|build script|Ignored build|cargo|deprecated/i)
  return { folder, env, node: (args, more) => serve(folder, [...(manager.loads || []), ...args], { ...env, ...more }) }
}

/** Without what Node and yarn say about themselves. */
const answers = ({ code, output }) => assert.deepStrictEqual({ code, output: output.match(/^hello world\n/m)?.[0] || output }, ANSWERS)

const LOADED = 'require(\'grenache-nodejs-ws\'); Object.keys(require.cache).filter(file => file.endsWith(\'.node\')).join()'

/** A cargo that has built the checkout's addon. */
function quickCargo (folder) {
  const library = path.join(folder, 'library.so')
  fs.copyFileSync(path.join(root, addonFile()), library)
  const artifact = JSON.stringify({ reason: 'compiler-artifact', target: { kind: ['cdylib'] }, filenames: [library] })
  const file = path.join(folder, '.bin', 'cargo')
  fs.writeFileSync(file, `#!/usr/bin/env node\nconsole.log(process.argv[2] === '--version' ? 'cargo 99.0.0' : ${JSON.stringify(artifact)})\n`)
  fs.chmodSync(file, 0o755)
}

for (const manager of managers(path.join(root, 'target', 'registry', 'managers', 'node_modules'))) {
  const { name } = manager

  test(`${name}: the originals' names bring the prebuilt addon, without Rust`, async t => {
    const { folder, node } = await installed(t, manager, ALIASES)
    answers(await node(['service.js']))
    answers(await node(['service.mjs']))
    const { output } = await node(['-p', LOADED])
    assert.match(output, new RegExp(`${NAME}-${MACHINE}[^\n]*${addonFile()}\n`))
    assert.ok(!fs.existsSync(path.join(folder, 'node_modules', NAME, addonFile())))
  })

  test(`${name}: the same where scripts are not run`, async t => {
    const { node } = await installed(t, manager, ALIASES, manager.quiet)
    answers(await node(['service.js']))
  })

  if (manager.omit) {
    test(`${name}: without optional packages require says so`, async t => {
      const { node } = await installed(t, manager, { [NAME]: version }, manager.omit)
      const { code, output } = await node(['-e', `require('${NAME}')`])
      assert.strictEqual(code, 1)
      assert.match(output, new RegExp(`: ${NAME}-${MACHINE} is not installed\\.`))
      assert.ok(output.includes(manager.omit[0]), output)
      assert.match(output, BUILD)
    })
  }

  if (manager.elsewhere) {
    test(`${name}: node_modules of another machine are known as such`, async t => {
      const { node } = await installed(t, manager, { [NAME]: version }, manager.elsewhere)
      const { code, output } = await node(['-e', `require('${NAME}')`])
      assert.strictEqual(code, 1)
      assert.match(output, new RegExp(`installed for win32-x64-msvc, and this is ${MACHINE}\\.`))
    })
  }

  test(`${name}: an addon of another version is refused`, async t => {
    const { node } = await installed(t, manager, { [NAME]: MIXED })
    const { code, output } = await node(['-e', `require('${NAME}')`])
    assert.strictEqual(code, 1)
    assert.ok(output.includes(`${NAME} ${MIXED} cannot load its native addon (${MACHINE}): the addon that was found has version ${version}.`), output)
    assert.match(output, /must have one version/)
  })

  test(`${name}: grenache-build builds once for every copy, and says without Rust what is missing`, async t => {
    const { folder, env, node } = await installed(t, manager, { ...ALIASES, [NAME]: version }, manager.omit || manager.elsewhere)
    const build = () => run(folder, manager.build[0], [...manager.build.slice(1), 'grenache-build'], env)
    const without = await build()
    assert.notStrictEqual(without.code, 0)
    assert.match(without.output, /`cargo` was not found\./)
    assert.match(without.output, BUILD)
    assert.strictEqual((await node(['service.js'])).code, 1)

    quickCargo(folder)
    const { code, output } = await build()
    assert.strictEqual(code, 0, output)
    t.diagnostic(`${name}: ${output.match(/^built /gm).length} copies`)
    answers(await node(['service.js']))
    answers(await node(['service.mjs']))
    assert.match((await node(['-p', `require('${NAME}').Link.name`])).output, /^Link$/m)
  })
}

test('npm: the command of the README replaces the originals that are installed', async t => {
  const { folder, env } = service(t, Object.fromEntries(ORIGINALS.map(name => [name, '^1.0.0'])))
  const npm = async line => {
    const { code, output } = await run(folder, 'npm', line.replace(/ +#.*/, '').split(' ').slice(1), env)
    assert.strictEqual(code, 0, output)
    return output
  }
  await npm('npm install')
  assert.match(await npm('npm ls grenache-nodejs-ws'), /grenache-nodejs-ws@1\.0\.0$/m)
  const { text } = blocksOf('README.md').find(({ text }) => text.startsWith('npm install grenache-nodejs-ws@'))
  const [install, list] = text.split('\n')
  await npm(install)
  assert.ok((await npm(list)).includes(`grenache-nodejs-ws@npm:${NAME}@${version}`))
  answers(await serve(folder, ['service.js'], env))
})

test('npx -p runs our commands where nothing is installed; without -p those of somebody else', async t => {
  const { folder, env } = service(t, {})
  for (const name of STRANGERS) {
    assert.deepStrictEqual(await run(folder, 'npx', ['--yes', name, '--version'], env), { code: 0, output: 'somebody else\n' })
  }
  for (const name of ['grape', 'grenache']) {
    assert.deepStrictEqual(await run(folder, 'npx', ['--yes', '-p', NAME, name, '--version'], env), { code: 0, output: `${version}\n` })
  }
  const { code, output } = await run(folder, 'npx', ['--yes', '-p', NAME, 'grenache-build'], env)
  assert.strictEqual(code, 1)
  assert.match(output, /is not installed in .*: run this in the folder of a service that has it/)
})
