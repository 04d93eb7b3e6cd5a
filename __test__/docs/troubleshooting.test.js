'use strict'

// Each message that docs/TROUBLESHOOTING.md explains is made here, with the properties that it names.

const { test } = require('node:test')
const assert = require('node:assert')
const http = require('http')
const { once } = require('events')
const { execFileSync, spawnSync } = require('child_process')
const { Grape } = require('grenache-grape')
const { certificates } = require('../../scripts/lib/certificates')
const { freePort } = require('../../scripts/lib/ports')
const { blocksOf, ROOT, headingsOf } = require('../helpers/docs/pages')
const { Link, PeerRPCClient, PeerRPCServer } = require('../..')
const { testGrapes } = require('../../testing')

const PAGE = 'docs/TROUBLESHOOTING.md'

const failed = promise => promise.then(value => assert.fail(`it worked: ${value}`), err => err)

function thrown (act) {
  try {
    act()
  } catch (err) {
    return err
  }
  assert.fail('it worked')
}

function started (t, conf) {
  const link = new Link({ requestTimeout: 5000, ...conf })
  link.start()
  t.after(() => link.stop())
  return link
}

function serve (t, conf, listen = transport => transport.on('request', (rid, key, payload, handler) => handler.reply(null, payload))) {
  const peer = new PeerRPCServer({}, conf)
  peer.init()
  t.after(() => peer.stop())
  const transport = peer.transport('server').listen(0)
  listen(transport)
  return `127.0.0.1:${transport.port}`
}

function ask (t, dest, { payload = null, timeout = 5000, ...conf } = {}) {
  const peer = new PeerRPCClient({}, conf)
  peer.init()
  t.after(() => peer.stop())
  return failed(peer.request('rpc_test', payload, { dest, timeout }))
}

async function nobody () {
  return `127.0.0.1:${await freePort()}`
}

/** For each heading: the error that it is about. */
const MESSAGES = {
  ERR_GRAPE_LOOKUP_EMPTY: async t => {
    const network = await testGrapes(1)
    t.after(() => network.stop())
    return failed(started(t, { grape: network.url }).promises.lookup('rpc_test'))
  },
  'connect ECONNREFUSED 127.0.0.1:30001': async t => {
    const grape = `http://${await nobody()}`
    const err = await failed(started(t, { grape }).promises.lookup('rpc_test'))
    assert.strictEqual(err.grape, grape)
    return err
  },
  'No nodes to query': async t => {
    const grape = new Grape({ dht_port: await freePort(), dht_bootstrap: [], api_port: await freePort() })
    await new Promise((resolve, reject) => grape.start(err => err ? reject(err) : resolve()))
    t.after(() => new Promise(resolve => grape.stop(resolve)))
    const link = started(t, { grape: `http://127.0.0.1:${grape.conf.api_port}` })
    return failed(link.promises.announce('rpc_test', 1337))
  },
  ERR_GRAPE_FOREIGN: async t => {
    const server = http.createServer((req, res) => res.end('another program')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    return failed(started(t, { grape: 'embedded', grapePort: server.address().port }).promises.lookup('rpc_test'))
  },
  'connect ECONNREFUSED 10.0.0.1:1337': async t => {
    const dest = await nobody()
    const err = await ask(t, dest)
    assert.strictEqual(err.dest, dest)
    return err
  },
  ERR_TIMEOUT: async t => {
    const dest = serve(t, {}, transport => transport.on('request', () => {}))
    const err = await ask(t, dest, { timeout: 100 })
    assert.deepStrictEqual([err.dest, err.timeout], [dest, 100])
    return err
  },
  ERR_TRANSPORT_CLOSE: async t => {
    const err = await ask(t, serve(t, { maxPayload: 1000 }), { payload: 'x'.repeat(2000) })
    assert.strictEqual(err.closeCode, 1009)
    return err
  },
  'Unexpected server response: 401': t => ask(t, serve(t, { verifyClient: () => false })),
  'socket hang up': t => ask(t, serve(t, { secure: { ...certificates().server, verifyClient: () => true } })),
  'wrong version number': t => ask(t, serve(t, {}), { secure: certificates().client }),
  'self-signed certificate': async t => {
    const dest = serve(t, { secure: { ...certificates().server, verifyClient: () => true } })
    return ask(t, dest, { secure: { ...certificates().client, ca: certificates().strangerClient.ca } })
  },
  'conf.secure.verify must be a function': t => thrown(() => serve(t, { secure: certificates().server })),
  ERR_ADDON_UNAVAILABLE: () => {
    const err = thrown(() => execFileSync(process.execPath, ['--no-addons', '-e', `require(${JSON.stringify(ROOT)})`], { stdio: 'pipe' }))
    return new Error(err.stderr)
  },
  ERR_OPTION: () => thrown(() => new PeerRPCClient({}, { requestTimeout: '5s' })),
  ERR_PEER_INIT: () => failed(new PeerRPCClient({ lookup: (key, opts, cb) => cb(null, ['127.0.0.1:1']) }, {}).request('rpc_test', null))
}

/** Ports differ from run to run. */
const plain = text => text.replace(/[\d.]+:\d+/g, 'ADDRESS')

test('each message of the page is made', () => {
  assert.deepStrictEqual(headingsOf(PAGE).filter(heading => heading.startsWith('`')), Object.keys(MESSAGES).map(text => `\`${text}\``))
})

for (const [text, make] of Object.entries(MESSAGES)) {
  test(`${PAGE}: ${text}`, async t => {
    const err = await make(t)
    assert.ok(plain(`${err.code} ${err.message}`).includes(plain(text)), err)
  })
}

test('its blocks have the commands and programs that other tests run', () => {
  assert.deepStrictEqual(blocksOf(PAGE).map(({ language }) => language), ['sh', 'js', 'js'])
})

test('what a handler throws is logged by the block that says so, with the place', () => {
  const { text } = blocksOf(PAGE).find(({ heading }) => heading === 'Nothing is logged when a handler throws')
  const program = `
    const { PeerRPCClient, PeerRPCServer } = require(${JSON.stringify(ROOT)})
    const server = new PeerRPCServer({}, {})
    server.init()
    const service = server.transport('server').listen(0)
    service.handle('bug', () => undefinedVariable)
    const client = new PeerRPCClient({}, {})
    client.init()
    client.request('bug', 1, { dest: '127.0.0.1:' + service.port }).catch(() => {}).then(() => [client, server].forEach(peer => peer.stop()))`
  const said = text => spawnSync(process.execPath, ['-e', text], { encoding: 'utf8', timeout: 20000 }).stderr
  assert.match(said(text + program), /^bug ReferenceError: undefinedVariable is not defined\n +at /)
  assert.strictEqual(said(program), '')
})
