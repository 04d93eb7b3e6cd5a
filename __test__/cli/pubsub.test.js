'use strict'

// `grenache pub` and `sub`.

const assert = require('node:assert')
const net = require('net')
const { once } = require('events')
const { test } = require('node:test')
const { Command, network, objects, publish, run } = require('../helpers/peers/command')

test('pub publishes each line of stdin, and sub prints it', async t => {
  const { url } = await network(t)
  const pub = new Command(t, ['pub', '--announce', 'news', '--wait', '1', '--grape', url], { stdin: 'one\nzw\u00f6lf\n' })
  await pub.prints(/publishing/)
  const sub = await run(t, ['sub', 'news', '--count', '2', '--grape', url])
  assert.deepStrictEqual(sub, { code: 0, stdout: '{"message":"one"}\n{"message":"zw\u00f6lf"}\n', stderr: '' })
  const { code, stdout } = await pub.ends()
  const [{ publishing }, ...rest] = objects(stdout)
  assert(publishing > 0)
  assert.deepStrictEqual([code, rest], [0, [{ published: 2 }]])
  assert.strictEqual((await run(t, ['lookup', 'news', '--grape', url])).code, 3)
})

test('sub prints texts for people, and ends with 0 on a signal', async t => {
  const { url, link } = await network(t)
  const service = await publish(t, link, 'news')
  for (const [options, expected] of [
    [['--no-json'], 'text\nbytes\n'],
    [['--json'], '{"message":"text"}\n{"binary":"Ynl0ZXM="}\n']
  ]) {
    const sub = new Command(t, ['sub', 'news', '--grape', url, ...options])
    await once(service.socket, 'connection')
    service.pub('text')
    service.pub(Buffer.from('bytes'))
    await sub.prints(/bytes|binary/)
    sub.process.kill('SIGINT')
    assert.deepStrictEqual(await sub.ends(), { code: 0, stdout: expected, stderr: '' })
  }
})

test('sub looks again for a publisher that went away', async t => {
  const { url, link } = await network(t)
  const first = await publish(t, link, 'news')
  const sub = new Command(t, ['sub', 'news', '--count', '2', '--grape', url])
  await once(first.socket, 'connection')
  first.pub('first')
  await sub.prints(/first/)
  const second = await publish(t, link, 'news')
  first.stop()
  await once(second.socket, 'connection')
  second.pub('again')
  const { code, stdout, stderr } = await sub.ends()
  assert.deepStrictEqual([code, objects(stdout)], [0, [{ message: 'first' }, { message: 'again' }]])
  assert.match(stderr, /^grenache: lost the publisher of news, looking for it\n/)
})

test('pub at a port needs no grape, and ends in order on a signal', async t => {
  const pub = new Command(t, ['pub', '0', '--no-json'], { stdin: null })
  await pub.prints(/^publishing at port \d+\n/)
  pub.process.stdin.write('one\n')
  pub.process.kill('SIGINT')
  const { code, stdout } = await pub.ends()
  assert.strictEqual(code, 0)
  assert.match(stdout, /\n[01] lines published\n$/)
})

test('pub at a port in use ends with 1', async t => {
  const server = net.createServer().listen(0)
  t.after(() => server.close())
  await once(server, 'listening')
  const { code, stdout, stderr } = await run(t, ['pub', server.address().port])
  assert.deepStrictEqual([code, stdout], [1, ''])
  assert.match(stderr, /^grenache: listen EADDRINUSE[^\n]+\n$/)
})

test('a reader that goes away ends the command', async t => {
  const { url, link } = await network(t)
  const service = await publish(t, link, 'news')
  const sub = new Command(t, ['sub', 'news', '--grape', url])
  await once(service.socket, 'connection')
  sub.process.stdout.destroy()
  const again = setInterval(() => service.pub('more'), 5)
  t.after(() => clearInterval(again))
  assert.strictEqual((await sub.ends()).code, 0)
})
