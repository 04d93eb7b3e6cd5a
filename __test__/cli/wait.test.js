'use strict'

// `--wait`: how long until somebody serves the key.

const assert = require('node:assert')
const { once } = require('node:events')
const { test } = require('node:test')
const { Command, network, objects, publish, run, serve } = require('../helpers/peers/command')
const { freePort } = require('../../scripts/lib/ports')
const { Grape, Link } = require('../..')

/** A command that logs its failed lookups on stderr. */
const waits = (t, ...args) => new Command(t, [...args, '--wait', '15000'], { env: { NODE_DEBUG: 'grenache' } })
/** Resolves once its first lookup has found nobody. */
const foundNobody = command => command.prints(/trying again|nobody there/, 'stderr')
/** What it has told its user on stderr. */
const toldBy = stderr => stderr.replace(/^GRENACHE \d+: .*\n/gm, '')

test('lookup, request, map, bench and sub wait for a service that is announced later', async t => {
  const { url, link } = await network(t)
  const started = [
    ['lookup', 'late'], ['request', 'late', '1'], ['map', 'late', '1'], ['bench', 'late', '1', '--seconds', '0.1', '--in-flight', '1']
  ].map(args => waits(t, ...args, '--grape', url))
  const heard = waits(t, 'sub', 'late news', '--grape', url, '--count', '1')
  await Promise.all([...started, heard].map(foundNobody))
  const publisher = await publish(t, link, 'late news')
  publisher.socket.on('connection', () => publisher.pub('news'))
  const service = await serve(t, link, 'late', payload => payload)
  const address = `127.0.0.1:${service.port}`
  const ended = await Promise.all(started.map(command => command.ends()))
  assert.deepStrictEqual(ended.map(({ code, stderr }) => [code, toldBy(stderr)]), ended.map(() => [0, '']))
  assert.deepStrictEqual(ended.slice(0, 3).map(({ stdout }) => objects(stdout)), [[{ address }], [{ answer: 1 }], [{ address, answer: 1 }]])
  assert.deepStrictEqual(objects((await heard.ends()).stdout), [{ message: 'news' }])
})

test('--wait waits for a grape too, and what never comes ends as without it', async t => {
  const port = await freePort()
  const waiting = waits(t, 'lookup', 'late', '--grape', `http://127.0.0.1:${port}`)
  await foundNobody(waiting)
  const grape = new Grape({ host: '127.0.0.1', dht_port: 0, api_port: port })
  grape.start()
  await once(grape, 'listening')
  t.after(() => new Promise(resolve => grape.stop(resolve)))
  const link = new Link({ grape: `http://127.0.0.1:${port}` }).start()
  t.after(() => link.stop())
  await link.promises.announce('late', 1)
  assert.strictEqual((await waiting.ends()).code, 0)
  const none = await run(t, ['lookup', 'nobody', '--grape', `http://127.0.0.1:${port}`, '--wait', '300'])
  assert.deepStrictEqual(none, { code: 3, stdout: '', stderr: 'grenache: ERR_GRAPE_LOOKUP_EMPTY: nobody announced this key in 0.3 s\n' })
  const dead = await run(t, ['lookup', 'nobody', '--grape', 'http://127.0.0.1:1', '--wait', '300'])
  assert.strictEqual(dead.code, 4)
  assert.strictEqual((await run(t, ['lookup', 'nobody', '--wait', 'soon'])).code, 2)
})
