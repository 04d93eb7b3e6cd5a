'use strict'

// `grenache lookup`, `announce`, `put` and `get`.

const assert = require('node:assert')
const { once } = require('node:events')
const path = require('node:path')
const { test } = require('node:test')
const { Grape } = require('../..')
const { limited } = require('../../scripts/lib/child')
const { COMMAND, Command, announce, network, objects, run, serve } = require('../helpers/peers/command')
const { freePort } = require('../../scripts/lib/ports')

test('lookup prints each address, as JSON or as text', async t => {
  const { url, link } = await network(t)
  await announce(link, 'service', 1337)
  await announce(link, 'service', 1338)
  const json = await run(t, ['lookup', 'service', '--grape', url])
  assert.strictEqual(json.code, 0, json.stderr)
  assert.deepStrictEqual(objects(json.stdout).map(({ address }) => address).sort(), ['127.0.0.1:1337', '127.0.0.1:1338'])
  const text = await run(t, ['lookup', 'service', '--no-json'], { env: { GRENACHE_GRAPE: url } })
  assert.deepStrictEqual(text.stdout.trim().split('\n').sort(), ['127.0.0.1:1337', '127.0.0.1:1338'])
})

test('what nobody announced or stored ends with 3', async t => {
  const { url } = await network(t)
  for (const [args, text] of [
    [['lookup', 'nobody'], 'grenache: ERR_GRAPE_LOOKUP_EMPTY: nobody announced this key\n'],
    [['request', 'nobody', '1'], 'grenache: ERR_GRAPE_LOOKUP_EMPTY: nobody announced this key\n'],
    [['sub', 'nobody'], 'grenache: ERR_GRAPE_LOOKUP_EMPTY: nobody announced this key\n'],
    [['get', '00'], 'grenache: 00: no such value\n']
  ]) {
    assert.deepStrictEqual(await run(t, [...args, '--grape', url]), { code: 3, stdout: '', stderr: text })
  }
})

test('announce announces once', async t => {
  const { url } = await network(t)
  const { code, stdout } = await run(t, ['announce', 'service', '1337', '--grape', url])
  assert.strictEqual(code, 0)
  assert.deepStrictEqual(objects(stdout), [{ announced: 'service', port: 1337 }])
  const found = await run(t, ['lookup', 'service', '--grape', url])
  assert.deepStrictEqual(objects(found.stdout), [{ address: '127.0.0.1:1337' }])
})

test('announce --host announces another machine\'s service, and takes that back', async t => {
  const { url } = await network(t)
  const command = new Command(t, ['announce', 'service', '1337', '--host', '10.0.0.5', '--keep', '--grape', url])
  await command.prints(/announced/)
  const found = await run(t, ['lookup', 'service', '--grape', url])
  assert.deepStrictEqual(objects(found.stdout), [{ address: '10.0.0.5:1337' }])
  command.process.kill('SIGINT')
  assert.strictEqual((await command.ends()).code, 0)
  assert.strictEqual((await run(t, ['lookup', 'service', '--grape', url])).code, 3)
  const once = await run(t, ['announce', 'once', '1337', '--host', '10.0.0.6', '--grape', url])
  assert.strictEqual(once.code, 0)
  assert.deepStrictEqual(objects((await run(t, ['lookup', 'once', '--grape', url])).stdout), [{ address: '10.0.0.6:1337' }])
})

test('the port of a service in the place of a grape\'s is asked about', async t => {
  const { link } = await network(t)
  const { port } = await serve(t, link, 'service', () => 1)
  for (const args of [['lookup', 'service'], ['lookup', 'service', '--wait', '1000'], ['announce', 'service', '1337'], ['sub', 'service']]) {
    const { code, stderr } = await run(t, [...args, '--grape', `http://127.0.0.1:${port}`])
    assert.deepStrictEqual([code, stderr], [1, `grenache: Upgrade Required; is there a grape at http://127.0.0.1:${port}? Name another one with --grape\n`])
  }
})

test('announce --keep announces until a signal, and takes it back', async t => {
  const { url } = await network(t)
  for (const signal of ['SIGINT', 'SIGTERM']) {
    const command = new Command(t, ['announce', 'service', '1337', '--keep', '--no-json', '--grape', url])
    await command.prints(/^service is announced at port 1337\n/)
    assert.strictEqual((await run(t, ['lookup', 'service', '--grape', url])).code, 0)
    command.process.kill(signal)
    assert.strictEqual((await command.ends()).code, 0)
    assert.strictEqual((await run(t, ['lookup', 'service', '--grape', url])).code, 3)
  }
})

test('by default the grape is the machine\'s: who keeps an announce runs it, who asks does not', async t => {
  const port = await freePort()
  const lookup = () => run(t, ['lookup', 'service', '--grape-port', port])
  const before = await lookup()
  assert.strictEqual(before.code, 4)
  assert.match(before.stderr, new RegExp(`^grenache: connect ECONNREFUSED 127.0.0.1:${port}; is there a grape at http://127.0.0.1:${port}\\?.*\n$`))
  const command = new Command(t, ['announce', 'service', '1337', '--keep', '--grape-port', port])
  await command.prints(/announced/)
  assert.deepStrictEqual(objects((await lookup()).stdout), [{ address: '127.0.0.1:1337' }])
  command.process.kill('SIGINT')
  assert.strictEqual((await command.ends()).code, 0)
})

test('put stores a text, also from stdin, and get prints it', async t => {
  const { url } = await network(t)
  for (const [argument, stdin] of [['hello', ''], ['-', 'hello\n']]) {
    const put = await run(t, ['put', argument, '--grape', url], { stdin })
    const [{ hash }] = objects(put.stdout)
    const get = await run(t, ['get', hash, '--grape', url])
    assert.deepStrictEqual([get.code, objects(get.stdout)], [0, [{ hash, value: 'hello' }]])
    assert.strictEqual((await run(t, ['get', hash, '--grape', url, '--no-json'])).stdout, 'hello\n')
  }
})

test('what a grape refuses ends with 1', async t => {
  const { url } = await network(t, false)
  assert.deepStrictEqual(await run(t, ['put', 'x'.repeat(1000), '--grape', url]), {
    code: 1, stdout: '', stderr: 'grenache: v must be less than 1000 bytes in put()\n'
  })
})

test('announce --keep says once that the grape is gone, and that it is announced again', async t => {
  const [port, dht] = [await freePort(), await freePort()]
  const conf = { host: '127.0.0.1', api_port: port, dht_port: dht }
  const start = async () => {
    const grape = new Grape(conf)
    await new Promise((resolve, reject) => grape.start(err => err ? reject(err) : resolve()))
    t.after(() => new Promise(resolve => grape.stop(resolve)))
    return grape
  }
  const grape = await start()
  const command = new Command(t, ['announce', 'service', '1337', '--keep', '--grape', `http://127.0.0.1:${port}`], {
    node: ['--require', path.join(__dirname, '..', 'helpers', 'processes', 'soon.js'), COMMAND]
  })
  await command.prints(/"announced"/)
  await new Promise(resolve => grape.stop(resolve))
  const says = async pattern => { while (!pattern.test(command.stderr)) await once(command.process.stderr, 'data') }
  await limited(says(/^grenache: service is not announced any more: connect ECONNREFUSED [^\n]+\n/), 'the note')
  await start()
  await limited(says(/\ngrenache: service is announced again\n$/), 'the other note')
  assert.strictEqual(command.stderr.match(/not announced/g).length, 1)
})
