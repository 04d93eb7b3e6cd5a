'use strict'

// `grenache request`, `map` and `bench`.

const assert = require('node:assert')
const fs = require('fs')
const net = require('net')
const os = require('os')
const path = require('path')
const { test } = require('node:test')
const { announce, network, objects, run, serve } = require('../helpers/peers/command')
const { certificates } = require('../../scripts/lib/certificates')
const { freePort } = require('../../scripts/lib/ports')

const echo = payload => ({ echo: payload })

test('request prints the answer, as JSON or as text', async t => {
  const { url, link } = await network(t)
  await serve(t, link, 'service', echo)
  const request = (payload, ...rest) => run(t, ['request', 'service', payload, '--grape', url, ...rest])
  const json = await request('{"a":[1]}')
  assert.deepStrictEqual(json, { code: 0, stdout: '{"answer":{"echo":{"a":[1]}}}\n', stderr: '' })
  const text = await request('"x"', '--no-json')
  assert.deepStrictEqual(text, { code: 0, stdout: '{\n  "echo": "x"\n}\n', stderr: '' })
  // A number below 0 looks like an option.
  const minus = await run(t, ['request', '--grape', url, '--', 'service', '-5'])
  assert.deepStrictEqual(objects(minus.stdout), [{ answer: { echo: -5 } }])
})

test('a payload - is read from stdin', async t => {
  const { url, link } = await network(t)
  await serve(t, link, 'service', echo)
  const { stdout } = await run(t, ['request', 'service', '-', '--grape', url], { stdin: '{\n"a":\n1}\n' })
  assert.deepStrictEqual(objects(stdout), [{ answer: { echo: { a: 1 } } }])
})

test('on a terminal the answer is text, unless --json says otherwise', async t => {
  const { url, link } = await network(t)
  await serve(t, link, 'service', () => null)
  const script = `process.stdout.isTTY = true
    require(${JSON.stringify(path.join(__dirname, '..', '..', 'lib', 'cli'))})(process.argv.slice(1))`
  const request = (...rest) => run(t, ['request', 'service', '1', '--grape', url, ...rest], { node: ['-e', script, '--'] })
  assert.strictEqual((await request()).stdout, 'null\n')
  assert.strictEqual((await request('--json')).stdout, '{"answer":null}\n')
})

test('a service\'s error ends with 1, in one line', async t => {
  const { url, link } = await network(t)
  await serve(t, link, 'service', () => new Error('ERR_OF_THE\nSERVICE'))
  for (const name of ['request', 'map', 'bench']) {
    const result = await run(t, [name, 'service', '1', '--grape', url])
    assert.deepStrictEqual(result, { code: 1, stdout: '', stderr: 'grenache: ERR_OF_THE SERVICE\n' })
  }
})

test('no answer ends with 4: the time is up, the connection is lost or refused', async t => {
  const { url, link } = await network(t)
  await serve(t, link, 'silent', () => undefined)
  const late = await run(t, ['request', 'silent', '1', '--grape', url, '--timeout', '100'])
  assert.deepStrictEqual(late, { code: 4, stdout: '', stderr: 'grenache: ERR_TIMEOUT: no answer in time\n' })

  const ending = await serve(t, link, 'ending', () => { ending.stop() })
  const lost = await run(t, ['request', 'ending', '1', '--grape', url])
  assert.deepStrictEqual(lost, { code: 4, stdout: '', stderr: 'grenache: ERR_TRANSPORT_CLOSE: the connection was lost\n' })

  const port = await freePort()
  await announce(link, 'gone', port)
  const refused = await run(t, ['request', 'gone', '1', '--grape', url])
  assert.deepStrictEqual(refused, { code: 4, stdout: '', stderr: `grenache: connect ECONNREFUSED 127.0.0.1:${port}\n` })
})

test('a grape that does not answer ends with 4 when the time is up', async t => {
  const server = net.createServer(() => {})
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { code, stderr } = await run(t, ['lookup', 'key', '--grape', `http://127.0.0.1:${server.address().port}`, '--timeout', '100'])
  assert.strictEqual(code, 4)
  assert.match(stderr, /^grenache: ERR_TIMEOUT: no answer in time; is there a grape at .*\n$/)
})

test('map prints the answer of each server, with its address', async t => {
  const { url, link } = await network(t)
  const services = [await serve(t, link, 'service', () => 1), await serve(t, link, 'service', () => 1)]
  const addresses = services.map(({ port }) => `127.0.0.1:${port}`).sort()
  const json = await run(t, ['map', 'service', 'null', '--grape', url])
  const found = objects(json.stdout).sort((a, b) => a.address < b.address ? -1 : 1)
  assert.deepStrictEqual(found, addresses.map(address => ({ address, answer: 1 })))
  const text = await run(t, ['map', 'service', 'null', '--grape', url, '--no-json'])
  assert.deepStrictEqual(text.stdout.trim().split('\n').sort(), addresses.map(address => `${address}: 1`))
})

test('bench keeps requests in flight, and prints figures', async t => {
  const { url, link } = await network(t)
  let payloads = new Set()
  let asked = 0
  await serve(t, link, 'service', payload => {
    payloads.add(JSON.stringify(payload))
    asked++
    return 'answer'
  })
  const json = await run(t, ['bench', 'service', '--seconds', '0.3', '--in-flight', '8', '--grape', url])
  const [figures] = objects(json.stdout)
  assert.strictEqual(figures.answers + 1, asked)
  assert.deepStrictEqual([figures.errors, figures.inFlight], [0, 8])
  assert(figures.seconds >= 0.3 && figures.requestsPerSecond > 0)
  assert(figures.p50 > 0 && figures.p50 <= figures.p99 && figures.p99 <= figures.max)
  assert.deepStrictEqual([...payloads], ['null'])
  payloads = new Set()
  const text = await run(t, ['bench', 'service', '"x"', '--seconds', '0.3', '--grape', url, '--no-json'])
  assert.match(text.stdout, /^[\d,]+ requests a second, 64 in flight\np50 .* ms, p99 .* ms, max .* ms\n[\d,]+ answers and 0 errors in .* s\n$/)
  assert.deepStrictEqual([...payloads], ['"x"'])
})

test('bench counts errors, and ends like the first of them', async t => {
  const { url, link } = await network(t)
  let asked = 0
  await serve(t, link, 'service', () => ++asked % 2 ? 'answer' : new Error('ERR_SOMETIMES'))
  const { code, stdout, stderr } = await run(t, ['bench', 'service', '--seconds', '0.3', '--grape', url])
  const [figures] = objects(stdout)
  assert.deepStrictEqual([code, stderr], [1, 'grenache: ERR_SOMETIMES\n'])
  assert(figures.errors > 0 && figures.answers > 0)
})

test('services with TLS are asked with --ca, --cert and --key', async t => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grenache-command-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  const file = (name, content) => {
    fs.writeFileSync(path.join(folder, name), content)
    return path.join(folder, name)
  }
  const { server, client, namelessServer } = certificates()
  const ca = file('ca.pem', client.ca)
  const own = ['--cert', file('cert.pem', client.cert), '--key', file('key.pem', client.key)]
  const { url, link } = await network(t)
  for (const [key, secure] of [['named', server], ['nameless', namelessServer]]) {
    await serve(t, link, key, echo, { secure: { ...secure, verifyClient: () => true } })
  }
  const request = (key, ...options) => run(t, ['request', key, '1', '--grape', url, '--timeout', '5000', ...options])
  const answer = { code: 0, stdout: '{"answer":{"echo":1}}\n', stderr: '' }
  assert.deepStrictEqual(await request('named', ...own, '--ca', ca), answer)
  assert.deepStrictEqual(await request('nameless', ...own, '--insecure'), answer)
  for (const [key, options, code] of [
    ['named', own, 1],
    ['nameless', [...own, '--ca', ca], 1],
    ['named', [], 4],
    ['named', own.slice(2), 2],
    ['named', [...own, '--ca', path.join(folder, 'none')], 2]
  ]) {
    const refused = await request(key, ...options)
    assert.strictEqual(refused.code, code, refused.stderr)
    assert.match(refused.stderr, /^grenache: [^\n]+\n$/)
  }
})
