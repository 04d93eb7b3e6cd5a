'use strict'

// `grenache ls`, `ping`, `info` and `serve`.

const assert = require('node:assert')
const fs = require('fs')
const http = require('http')
const os = require('os')
const path = require('path')
const { test } = require('node:test')
const { PeerRPCServer } = require('../..')
const { Command, announce, network, objects, run, serve } = require('../helpers/peers/command')
const { certificates } = require('../../scripts/lib/certificates')
const { freePort } = require('../../scripts/lib/ports')

test('ls lists every name with its addresses and ages, sorted, over all pages', async t => {
  const { url, link } = await network(t)
  const names = Array.from({ length: 1003 }, (_, at) => `service ${String(at).padStart(4, '0')}`)
  await Promise.all([...names].reverse().map(name => announce(link, name, 1337)))
  await announce(link, 'service 0007', 1336)
  const { code, stdout, stderr } = await run(t, ['ls', '--grape', url])
  assert.deepStrictEqual([code, stderr], [0, ''])
  const found = objects(stdout)
  assert.deepStrictEqual([...new Set(found.map(({ name }) => name))], names)
  assert.deepStrictEqual(found.filter(({ name }) => name === 'service 0007').map(({ address }) => address), ['127.0.0.1:1336', '127.0.0.1:1337'])
  assert.ok(found.every(({ age }) => Number.isInteger(age) && age >= 0 && age < 60))

  const few = await run(t, ['ls', 'E 0007', '--no-json', '--grape', url])
  assert.match(few.stdout, /^service 0007 {2}127\.0\.0\.1:1336 {2}\d+ s\nservice 0007 {2}127\.0\.0\.1:1337 {2}\d+ s\n$/)
  assert.deepStrictEqual(await run(t, ['ls', 'none', '--grape', url]), { code: 3, stdout: '', stderr: 'grenache: none: no such name or address\n' })
})

test('ls asks each of several grapes, and says which does not tell', async t => {
  const [one, two] = [await network(t), await network(t)]
  await announce(one.link, 'first', 1)
  await announce(two.link, 'second', 2)
  const gone = `http://127.0.0.1:${await freePort()}`
  const { code, stdout, stderr } = await run(t, ['ls', '--grape', `${one.url}, ${gone},${two.url}`])
  assert.strictEqual(code, 0)
  assert.deepStrictEqual(objects(stdout).map(({ name, address }) => [name, address]), [['first', '127.0.0.1:1'], ['second', '127.0.0.1:2']])
  assert.match(stderr, new RegExp(`^grenache: ${gone}: connect ECONNREFUSED [^\\n]+\n$`))

  // A grape of the original says that there is no such request.
  const original = http.createServer((req, res) => res.end('"ERR_REQ_NOTFOUND"')).listen(0, '127.0.0.1')
  await new Promise(resolve => original.once('listening', resolve))
  t.after(() => original.close())
  const url = `http://127.0.0.1:${original.address().port}`
  const refused = await run(t, ['ls', '--grape', url])
  assert.deepStrictEqual([refused.code, refused.stderr], [1, `grenache: ${url} does not tell what it knows: it is no grape, or one of grenache-grape, which cannot\n`])
})

test('ping measures each server, and asks it for nothing', async t => {
  const { url, link } = await network(t)
  let asked = 0
  const services = [await serve(t, link, 'service', () => asked++), await serve(t, link, 'service', () => asked++)]
  const { code, stdout, stderr } = await run(t, ['ping', 'service', '--count', '2', '--grape', url])
  assert.deepStrictEqual([code, stderr], [0, ''])
  const results = objects(stdout)
  assert.deepStrictEqual(results.map(({ address }) => address).sort(), services.map(({ port }) => `127.0.0.1:${port}`).sort())
  for (const { connect, ping } of results) assert.ok(connect > 0 && ping > 0 && ping < 10000)
  assert.strictEqual(asked, 0)

  const gone = await freePort()
  await announce(link, 'service', gone)
  const some = await run(t, ['ping', 'service', '--no-json', '--grape', url])
  assert.strictEqual(some.code, 4)
  assert.match(some.stdout, new RegExp(`127\\.0\\.0\\.1:${gone}: connect ECONNREFUSED`))
  assert.strictEqual(some.stdout.match(/ping [\d.]+ ms, connected in [\d.]+ ms/g).length, 2)
  assert.strictEqual(some.stderr, 'grenache: 1 of 3 servers did not answer\n')
})

test('info prints what a service offers, and does not ask one that offers nothing', async t => {
  const { url, link } = await network(t)
  let asked = 0
  await serve(t, link, 'silent', () => asked++)
  const none = await run(t, ['info', 'silent', '--grape', url])
  assert.deepStrictEqual([none.code, none.stdout, asked], [3, '', 0])
  assert.match(none.stderr, /^grenache: silent offers no information: nobody announced info:silent; see: grenache info --help\n$/)

  const peer = new PeerRPCServer(link, {})
  peer.init()
  t.after(() => peer.stop())
  const service = peer.transport('server').listen(0)
  service.handle('info:open', () => peer.stats())
  await announce(link, 'info:open', service.port)
  const { code, stdout } = await run(t, ['info', 'open', '--grape', url])
  const [{ address, info }] = objects(stdout)
  assert.deepStrictEqual([code, address, info.requests.received], [0, `127.0.0.1:${service.port}`, 1])
})

test('serve answers with the payload, or always the same, until a signal', async t => {
  const { url } = await network(t)
  const request = payload => run(t, ['request', 'played', payload, '--grape', url])
  const echo = new Command(t, ['serve', 'played', '--echo', '--host', '127.0.0.1', '--grape', url])
  await echo.prints(/^{"serving":"played","port":\d+}\n/)
  assert.strictEqual((await request('{"a":[1]}')).stdout, '{"answer":{"a":[1]}}\n')
  echo.process.kill('SIGINT')
  const ended = await echo.ends()
  assert.deepStrictEqual([ended.code, objects(ended.stdout)[1]], [0, { served: 1 }])
  assert.strictEqual((await request('1')).code, 3)

  const port = await freePort()
  const same = new Command(t, ['serve', 'played', port, '--reply', '{"b":2}', '--no-json', '--grape', url])
  await same.prints(new RegExp(`^played is served at port ${port}\n`))
  assert.strictEqual((await request('1')).stdout, '{"answer":{"b":2}}\n')
  const taken = await run(t, ['serve', 'other', port, '--echo', '--grape', url])
  assert.strictEqual(taken.code, 1)
  assert.match(taken.stderr, /^grenache: listen EADDRINUSE/)
  same.process.kill('SIGTERM')
  assert.strictEqual((await same.ends()).code, 0)
})

test('mistakes with TLS are told in words', async t => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grenache-tls-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  const file = (name, content) => {
    fs.writeFileSync(path.join(folder, name), content)
    return path.join(folder, name)
  }
  const { server, client, namelessServer } = certificates()
  const [ca, cert, key, otherKey, text] = [
    file('ca.pem', client.ca), file('cert.pem', client.cert), file('key.pem', client.key), file('other.pem', server.key), file('text', 'text')
  ]
  const { url, link } = await network(t)
  await serve(t, link, 'plain', payload => payload)
  for (const [name, secure] of [['named', server], ['nameless', namelessServer]]) {
    await serve(t, link, name, payload => payload, { secure: { ...secure, verifyClient: () => true } })
  }
  for (const [name, options, code, pattern] of [
    ['named', ['--cert', text, '--key', key], 2, /--cert .*: no certificate in PEM/],
    ['named', ['--cert', cert, '--key', cert], 2, /--key .*: no private key without a passphrase in PEM/],
    ['named', ['--cert', cert, '--key', otherKey], 2, /--key .*: it is not the key of --cert/],
    ['named', ['--cert', cert, '--key', key, '--ca', text], 2, /--ca .*: no certificate in PEM/],
    ['named', ['--cert', cert], 2, /--cert and --key go together/],
    ['named', ['--cert', cert, '--key', key], 1, /its certificate is signed by nobody known here; name who signed it with --ca/],
    ['nameless', ['--cert', cert, '--key', key, '--ca', ca], 1, /its certificate is that of another name; --insecure/],
    ['plain', ['--cert', cert, '--key', key, '--ca', ca], 1, /the other side speaks no TLS: leave out --cert and --key/],
    ['named', [], 4, /if the service has TLS, ask with --cert, --key and --ca/]
  ]) {
    const { code: ended, stdout, stderr } = await run(t, ['request', name, '1', '--grape', url, '--timeout', '5000', ...options])
    assert.match(stderr, pattern)
    assert.match(stderr, /^grenache: [^\n]+\n$/)
    assert.deepStrictEqual([ended, stdout], [code, ''], stderr)
  }
  const secured = new Command(t, ['serve', 'secured', '--echo', '--cert', file('s.pem', server.cert), '--key', file('sk.pem', server.key), '--ca', ca, '--grape', url])
  await secured.prints(/serving/)
  const answered = await run(t, ['request', 'secured', '1', '--cert', cert, '--key', key, '--ca', ca, '--grape', url])
  assert.strictEqual(answered.stdout, '{"answer":1}\n', answered.stderr)
})
