'use strict'

// The tokio run leaves out only what the first run has shown to know no driver.

const { test } = require('node:test')
const assert = require('node:assert')
const fs = require('fs')
const path = require('path')
const { MAKERS, withoutDriver } = require('../../scripts/witness')
const { root, run, workplace } = require('../helpers/package/installed')

const WITNESS = path.join(root, 'scripts', 'witness.js')
const PACKAGE = JSON.stringify(root)

const LINK = `
const { Grape, Link } = require(${PACKAGE})
const grape = new Grape({ dht_port: 0, api_port: 0, host: '127.0.0.1' })
grape.start(() => {
  const link = new Link({ grape: 'http://' + grape.address().api }).start()
  link.lookup('nobody', () => { link.stop(); grape.stop() })
})`
const LISTENS = `
const { PeerRPCServer } = require(${PACKAGE})
const peer = new PeerRPCServer({}, {})
peer.init()
peer.transport('server').listen(0, '127.0.0.1').socket.once('listening', () => peer.stop())`
const ASKS = `
const { PeerRPCClient } = require(${PACKAGE})
const peer = new PeerRPCClient({}, {})
peer.init()
peer.request('key', 1, { dest: '127.0.0.1:1', timeout: 1000 }, () => peer.stop())`
const SECURE = `
const { PeerRPCClient, PeerRPCServer } = require(${PACKAGE})
const { certificates } = require(${JSON.stringify(path.join(root, 'scripts', 'lib', 'certificates'))})
const server = new PeerRPCServer({}, { secure: { ...certificates().server, verifyClient: () => true } })
const client = new PeerRPCClient({}, { secure: certificates().client })
for (const peer of [server, client]) peer.init()
const service = server.transport('server').listen(0, '127.0.0.1')
service.on('request', (rid, key, payload, handler) => handler.reply(null, payload))
service.socket.once('listening', () => client.request('key', 1, { dest: '127.0.0.1:' + service.port }, err => {
  for (const peer of [server, client]) peer.stop()
  if (err) throw err
}))`
const text = code => JSON.stringify(code)

/** Test files, and whether they know a driver. */
const FILES = {
  'link.test.js': [LINK, false],
  'nothing.test.js': ['', false],
  'listens.test.js': [LISTENS, true],
  'asks.test.js': [ASKS, true],
  'secure.test.js': [SECURE, true],
  'child.test.js': [`require('child_process').execFileSync(process.execPath, ['-e', ${text(LISTENS)}])`, true],
  'grandchild.test.js': [`
    const child = ${text(`require('child_process').execFileSync(process.execPath, ['-e', ${text(ASKS)}])`)}
    require('child_process').execFileSync(process.execPath, ['-e', child])`, true],
  'fork.test.js': [`
    require('fs').writeFileSync(__filename + '.child.js', ${text(LISTENS)})
    require('child_process').fork(__filename + '.child.js')`, true],
  'thread.test.js': [`new (require('worker_threads').Worker)(${text(LISTENS)}, { eval: true })`, true],
  'names.test.js': ['// Runs itself with GRENACHE_IO=tokio.', true]
}

test('a test file that meets a driver, itself or through processes and threads, is never left out', async t => {
  const folder = workplace(t)
  const seen = path.join(folder, 'seen')
  fs.mkdirSync(seen)
  const files = Object.keys(FILES)
  for (const file of files) fs.writeFileSync(path.join(folder, file), FILES[file][0])
  const { code, output } = await run(folder, process.execPath, ['--test', ...files], {
    GRENACHE_WITNESS: seen, NODE_OPTIONS: `--require ${WITNESS}`, NODE_TEST_CONTEXT: undefined
  })
  assert.strictEqual(code, 0, output)
  const expected = files.filter(file => !FILES[file][1])
  assert.deepStrictEqual(withoutDriver(seen, files, folder), expected)
  fs.writeFileSync(path.join(folder, 'never.test.js'), '')
  assert.deepStrictEqual(withoutDriver(seen, [...files, 'never.test.js'], folder), expected, 'a file that did not run')
})

test('no helper of tests chooses the driver, or node\'s options by which its processes are watched', () => {
  const files = ['__test__/helpers', 'scripts/lib'].flatMap(folder => fs.readdirSync(path.join(root, folder), { recursive: true })
    .filter(file => file.endsWith('.js')).map(file => path.join(folder, file)))
  const choosing = files.filter(file => /GRENACHE_IO|NODE_OPTIONS/.test(fs.readFileSync(path.join(root, file), 'utf8')))
  assert.deepStrictEqual(choosing, [])
})

test('every function of the addon that takes the settings of a connection is watched', () => {
  const types = fs.readFileSync(path.join(root, 'binding.d.ts'), 'utf8')
  const takers = [...types.matchAll(/^ {2}(\w+)\(.*settings: ConnectionSettings/gm)].map(([, name]) => name)
  assert.deepStrictEqual(takers.sort(), MAKERS)
})
