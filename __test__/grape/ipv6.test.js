'use strict'

// The discovery network has IPv4 alone: what is said where IPv6 was meant, and what is IPv4 in other words.

const assert = require('node:assert')
const { once } = require('node:events')
const { call, each, native } = require('../helpers/conformance')
const { Command } = require('../helpers/peers/command')
const { certificates } = require('../../scripts/lib/certificates')
const path = require('node:path')
const { until } = require('../helpers/until')
const { warningsOf } = require('../helpers/warnings')

const COMMAND = path.join(__dirname, '..', '..', 'bin', 'grape.js')
const ALONE = 'since the discovery network has IPv4 alone'

/** A grape that runs, and what it warned of. */
async function started (stage, conf, hears = true) {
  const grape = new native.Grape({ dht_port: 0, api_port: 0, ...conf })
  const warnings = []
  if (hears) grape.on('warning', text => warnings.push(text))
  assert.ifError(await new Promise(resolve => grape.start(resolve)))
  stage.after(() => new Promise(resolve => grape.stop(resolve)))
  return { grape, warnings, port: name => +grape.address()[name].split(':').pop() }
}

const knows = ({ grape }) => new Promise(resolve => grape.on('node', resolve))

each('C363: a bootstrap node of IPv6 is an event warning, once, and the others are asked', async ({ stage }) => {
  const first = await started(stage, { host: '127.0.0.1' })
  const heard = await started(stage, { host: '127.0.0.1', dht_bootstrap: ['[::1]:20001', { host: '2001:db8::1', port: 20002 }, `127.0.0.1:${first.port('dht')}`] })
  await knows(heard)
  assert.deepStrictEqual(heard.warnings, [`dht_bootstrap: [::1]:20001 is left out, ${ALONE}`, `dht_bootstrap: [2001:db8::1]:20002 is left out, ${ALONE}`])
}, { better: true })

each('C363: where nobody listens for it, it is a warning of the process', async ({ stage }) => {
  const warnings = warningsOf(stage, 'ERR_GRAPE_CONF')
  await started(stage, { host: '127.0.0.1', dht_bootstrap: '[::1]:20001' }, false)
  await until(() => warnings.length === 1)
  assert.deepStrictEqual(warnings, [`grape: dht_bootstrap: [::1]:20001 is left out, ${ALONE}`])
}, { better: true })

each('C363: the command says so too', async ({ t }) => {
  const grape = new Command(t, ['--dp', 0, '--aph', 0, '--bn', '[::1]:20001', '--bind', '127.0.0.1'], { node: [COMMAND] })
  await grape.prints(/warning: dht_bootstrap: \[::1\]:20001 is left out/)
}, { better: true })

each('C364: an IPv4 address that is written as one of IPv6 works as IPv4, as bootstrap node, host and grape', async ({ stage }) => {
  const first = await started(stage, { host: '::ffff:127.0.0.1' })
  assert.match(first.grape.address().dht, /^127\.0\.0\.1:/)
  assert.match(first.grape.address().api, /^127\.0\.0\.1:/)
  const second = await started(stage, { host: '127.0.0.1', dht_bootstrap: [{ host: '::ffff:127.0.0.1', port: first.port('dht') }] })
  await knows(second)
  const third = await started(stage, { host: '127.0.0.1', dht_bootstrap: [`[::ffff:7f00:1]:${first.port('dht')}`] })
  await knows(third)
  const link = new native.Link({ grape: `http://[::ffff:127.0.0.1]:${second.port('api')}` }).start()
  stage.after(() => link.stop())
  assert.strictEqual((await call(link, 'announce', 'key', 1337)).err, null)
  assert.deepStrictEqual((await call(link, 'lookup', 'key')).res, ['127.0.0.1:1337'])
  assert.deepStrictEqual([first.warnings, second.warnings, third.warnings], [[], [], []])
}, { better: true })

for (const [host, at] of [['::', '0.0.0.0'], ['::1', '127.0.0.1']]) {
  each(`C365: a grape whose host is ${host} has its node at ${at}, and says so`, async ({ stage }) => {
    const own = await started(stage, { host })
    assert.strictEqual(own.grape.address().dht, `${at}:${own.port('dht')}`)
    assert.strictEqual(own.grape.address().api, `[${host}]:${own.port('api')}`)
    await until(() => own.warnings.length > 0)
    assert.deepStrictEqual(own.warnings, [`host: the node of ${host} is at ${at}, ${ALONE}`])
    const other = await started(stage, { host: '127.0.0.1', dht_bootstrap: [`127.0.0.1:${own.port('dht')}`] })
    await knows(other)
    // What is announced over IPv6 is found over IPv4.
    const link = new native.Link({ grape: `http://[::1]:${own.port('api')}` }).start()
    stage.after(() => link.stop())
    assert.strictEqual((await call(link, 'announce', 'key', 1337)).err, null)
    assert.deepStrictEqual((await call(other.grape, 'lookup', 'key')).res, ['127.0.0.1:1337'])
  }, { better: true })
}

each('C365: a grape at another address of IPv6 does not start', async () => {
  const grape = new native.Grape({ dht_port: 0, api_port: 0, host: '2001:db8::1' })
  assert.strictEqual((await new Promise(resolve => grape.start(resolve))).code, 'ENOTFOUND')
}, { better: true })

for (const way of ['plain', 'TLS']) {
  each(`C366: a service at an IPv6 address alone that is announced is a warning, once, ${way}`, async ({ stage }) => {
    const { grape } = await started(stage, { host: '127.0.0.1' })
    const warnings = warningsOf(stage, 'ERR_ANNOUNCE_IPV6')
    const link = new native.Link({ grape: `http://${grape.address().api}` }).start()
    stage.after(() => link.stop())
    const secure = way === 'TLS' && { secure: { ...certificates().server, verifyClient: () => true } }
    for (const [host, count] of [['127.0.0.1', 0], ['::', 0], [undefined, 0], ['::1', 1]]) {
      const peer = new native.PeerRPCServer(link, { host, ...secure })
      peer.init()
      const service = peer.transport('server').listen(0)
      await once(service.socket, 'listening')
      for (let at = 0; at < 2; at++) assert.strictEqual((await call(link, 'announce', 'key', service.port)).err, null)
      assert.strictEqual(warnings.length, count, `${host}`)
      if (count > 0) assert.strictEqual(warnings[0], `key is announced at port ${service.port}, where only [::1] is listened at: lookups find an address of IPv4`)
      peer.stop()
      // Another process may have it now.
      await call(link, 'announce', 'key', service.port)
    }
    assert.strictEqual(warnings.length, 1)
  }, { better: true })
}
