'use strict'

// The grape of one machine: `new Link({ grape: 'embedded' })`.

const assert = require('node:assert')
const fs = require('fs')
const http = require('http')
const os = require('os')
const path = require('path')
const { once } = require('events')
const { test } = require('node:test')
const { Link } = require('../..')
const { call } = require('../helpers/grapes/pair')
const { exchange } = require('../../scripts/lib/grape-api')
const { Child, run } = require('../../scripts/lib/child')
const { freePort } = require('../../scripts/lib/ports')
const { until } = require('../helpers/peers/faulty')
const { portOwners } = require('../../lib/grape/portOwner')
const { kEmbedded } = require('../../lib/util/symbols')

const IS_ROOT = process.platform === 'linux' && process.geteuid() === 0

async function embedded (t, port, conf) {
  const link = new Link({ grape: 'embedded', grapePort: port, ...conf })
  t.after(() => link.stop())
  link.start()
  return link
}

async function child (t, port, key) {
  const child = new Child(require.resolve('../helpers/processes/embedded-process'), port, ...key ? [key] : [])
  t.after(() => child.stop())
  assert.deepStrictEqual(await child.next(), key ? { announced: key } : { started: true })
  return child
}

/** A process of another user with an embedded link; `ask(key)` resolves with its lookup's error. */
async function userProcess (t, uid, port, conf) {
  const child = new Child(require.resolve('../helpers/processes/embedded-user'), uid, JSON.stringify({ grapePort: port, ...conf }))
  t.after(() => child.stop())
  assert.deepStrictEqual(await child.next(), { started: true })
  return child
}

test('C273: an embedded link needs no grape: it announces, finds, stores and reads', async t => {
  const link = await embedded(t, await freePort())
  assert.deepStrictEqual(await call(link, 'announce', 'key', 1337), { err: null, res: 1 })
  assert.deepStrictEqual((await call(link, 'lookup', 'key')).res, ['127.0.0.1:1337'])
  const { res: hash } = await call(link, 'put', { v: 'hello' })
  assert.strictEqual((await call(link, 'get', hash)).res.v, 'hello')
  assert.strictEqual((await call(link, 'lookup', 'nobody')).err.message, 'ERR_GRAPE_LOOKUP_EMPTY')
})

test('C274: all embedded links of a machine meet at one port, on loopback only', async t => {
  const port = await freePort()
  const [first, second] = [await embedded(t, port), await embedded(t, port)]
  assert.deepStrictEqual(await call(first, 'announce', 'key', 1337), { err: null, res: 1 })
  assert.deepStrictEqual((await call(second, 'lookup', 'key')).res, ['127.0.0.1:1337'])
  const { answer } = await exchange(`http://127.0.0.1:${port}/status`)
  assert.strictEqual(answer.api, `127.0.0.1:${port}`)
  assert.match(answer.dht, /^127\.0\.0\.1:/)
  assert.strictEqual(require('../../lib/options/defaults').GRAPE_PORT, 31001)
})

test('C275: when the process with the grape ends another takes its place, services announce again, and no request is lost', async t => {
  const port = await freePort()
  const processes = [{ child: await child(t, port) }]
  for (const key of ['one', 'two', 'three', 'four']) processes.push({ key, child: await child(t, port, key) })
  let client = await child(t, port)
  const askAll = async () => {
    for (const { key } of processes.filter(({ key }) => key !== undefined)) {
      assert.deepStrictEqual(await client.ask(key), { error: null, answer: `${key} hello` })
    }
  }
  const isHolder = async child => (await child.ask('who')).isHolder
  await askAll()
  for (const end of ['exit', 'crash', 'crash', 'exit']) {
    let held
    if (await isHolder(client)) {
      held = client
      client = await child(t, port)
    } else {
      const holding = await Promise.all(processes.map(({ child }) => isHolder(child)))
      held = processes.splice(holding.indexOf(true), 1)[0].child
    }
    if (end === 'crash') held.process.kill('SIGKILL')
    else held.process.send('end')
    // While it ends, and when it has ended.
    await askAll()
    await held.exited
    await askAll()
  }
})

test('C276: a request right after the end of the grape\'s process waits for the services to announce again', async t => {
  const port = await freePort()
  const holder = await child(t, port)
  const server = await child(t, port, 'service')
  const link = await embedded(t, port)
  for (let round = 0; round < 2; round++) {
    const exited = holder.exited
    holder.process.kill('SIGKILL')
    await exited
    assert.match((await call(link, 'lookup', 'service')).res[0], /^127\.0\.0\.1:\d+$/)
  }
  await server.stop()
})

test('C277: an embedded grape keeps no process alive, and a stopped link frees the port', async t => {
  const port = await freePort()
  const { code, stdout, stderr } = await run(`
    const { Link } = require(pkg)
    const link = new Link({ grape: 'embedded', grapePort: ${port} }).start()
    link.lookup('key', err => {
      console.log(err.message)
      link.stop()
    })`)
  assert.deepStrictEqual([code, stdout, stderr], [0, 'ERR_GRAPE_LOOKUP_EMPTY\n', ''])
  const link = await embedded(t, port)
  assert.deepStrictEqual(await call(link, 'announce', 'key', 1), { err: null, res: 1 })
})

/** A web server at a free port, which is closed after the test. */
async function webServer (t, answer) {
  const server = http.createServer(answer).listen(0, '127.0.0.1')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  return { port: server.address().port, server }
}

test('C278: another program at the port is no grape, and is not asked all the time', async t => {
  const asked = []
  const { port } = await webServer(t, (req, res) => {
    asked.push(req.url)
    res.statusCode = req.url === '/watch' ? 404 : 200
    res.end('["127.0.0.1:5"]')
  })
  const link = await embedded(t, port)
  for (let at = 0; at < 20; at++) {
    const { err } = await call(link, 'lookup', 'key')
    assert.strictEqual(err.message, `ERR_GRAPE_FOREIGN: no grape has port ${port}`)
    assert.deepStrictEqual([err.code, err.port, err.uid], ['ERR_GRAPE_FOREIGN', port, undefined])
  }
  await new Promise(resolve => setTimeout(resolve, 500))
  assert(!asked.includes('/lookup'), 'it heard what is asked')
  assert(asked.length < 30, `${asked}`)

  // A link that was never started asks as well.
  const unstarted = new Link({ grape: 'embedded', grapePort: port })
  assert.strictEqual((await call(unstarted, 'lookup', 'key')).err.code, 'ERR_GRAPE_FOREIGN')
})

test('C278: when a grape takes the place of another program it is used', async t => {
  const { port, server } = await webServer(t, (req, res) => res.end('hello'))
  const link = await embedded(t, port)
  assert.strictEqual((await call(link, 'lookup', 'key')).err.code, 'ERR_GRAPE_FOREIGN')
  await new Promise(resolve => {
    server.close(resolve)
    server.closeAllConnections()
  })
  await until(async () => (await call(link, 'lookup', 'key')).err.message === 'ERR_GRAPE_LOOKUP_EMPTY')
})

test('C274: a grape of version 1.0.0 at the port is known by its status', async t => {
  const asked = []
  const { port } = await webServer(t, (req, res) => {
    asked.push(req.url)
    if (req.url === '/watch') return res.writeHead(200).flushHeaders()
    if (req.url === '/lookup') return res.end('["127.0.0.1:5"]')
    if (req.url !== '/status') return res.writeHead(500).end('ERR_GRAPE_PAYLOAD_INVALID')
    res.write(`{"version":"1.0.0","memory":1,"dht":"127.0.0.1:5","api":"127.0.0.1:${port}","id":"${'a1'.repeat(20)}",`)
    res.end(' '.repeat(1 << 24))
  })
  const link = await embedded(t, port)
  assert.deepStrictEqual((await call(link, 'lookup', 'key')).res, ['127.0.0.1:5'])
  assert.deepStrictEqual(asked, ['/watch', '/status', '/lookup'])
  const unstarted = new Link({ grape: 'embedded', grapePort: port })
  assert.deepStrictEqual((await call(unstarted, 'lookup', 'key')).res, ['127.0.0.1:5'])
})

test('C284: a port that another user of the machine has is refused, unless that one is named', { skip: !IS_ROOT && 'only root can be another user' }, async t => {
  const port = await freePort()
  const other = await userProcess(t, 12345, port)
  const link = new Link({ grape: 'embedded', grapePort: port })
  t.after(() => link.stop())
  const foreign = { code: 'ERR_GRAPE_FOREIGN', message: `ERR_GRAPE_FOREIGN: user 12345 has port ${port}`, port, uid: 12345 }
  assert.throws(() => link.start(), foreign)
  const { err } = await call(new Link({ grape: 'embedded', grapePort: port }), 'lookup', 'key')
  assert.strictEqual(err.message, foreign.message)

  const named = await embedded(t, port, { grapeUsers: [12345] })
  assert.strictEqual((await call(named, 'lookup', 'key')).err.message, 'ERR_GRAPE_LOOKUP_EMPTY')
  // Its own user, and then root's grape.
  const same = await userProcess(t, 12345, port)
  assert.match(await same.ask('key'), /LOOKUP_EMPTY/)
  await same.stop()
  await other.stop()
  await until(() => named[kEmbedded].isHolder)
  const later = await userProcess(t, 12345, port)
  assert.match(await later.ask('key'), /LOOKUP_EMPTY/)
})

test('C284: a port that another user took when the grape\'s process ended is not used, and ends nobody', { skip: !IS_ROOT && 'only root can be another user' }, async t => {
  const port = await freePort()
  const first = await userProcess(t, 12345, port)
  const second = await userProcess(t, 54321, port, { grapeUsers: [12345] })
  assert.match(await second.ask('key'), /LOOKUP_EMPTY/)
  const third = await userProcess(t, 12346, port, { grapeUsers: [12345] })
  await first.stop()
  // One of the two has it now, and the other does not use it.
  await until(async () => {
    const answers = [await second.ask('key'), await third.ask('key')]
    return answers.filter(answer => /FOREIGN: user (54321|12346) has/.test(answer)).length === 1 &&
      answers.filter(answer => /LOOKUP_EMPTY/.test(answer)).length === 1
  })
})

test('C284: the system\'s tables tell who listens at a port of loopback', async t => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'owners-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
  const row = (address, state, uid) =>
    `   0: ${address} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  ${uid}        0 1234 1 0 100 0\n`
  const write = (table, ...rows) => fs.writeFileSync(path.join(folder, table), head + rows.join(''))
  const little = os.endianness() === 'LE'
  const loopback = little ? '0100007F' : '7F000001'
  const mapped = `0000000000000000${little ? 'FFFF0000' : '0000FFFF'}`
  const owners = port => portOwners(port, folder)
  assert.deepStrictEqual(owners(31001), [])
  write('tcp', row(`${loopback}:7919`, '0A', 1000), row(`${loopback}:791A`, '0A', 1001), row(`${loopback}:7919`, '01', 1002))
  assert.deepStrictEqual([owners(31001), owners(31002), owners(31003)], [[1000], [1001], []])
  write('tcp', row('00000000:7919', '0A', 5))
  write('tcp6', row(`${mapped}${loopback}:7919`, '0A', 6), row(`${'0'.repeat(32)}:7919`, '0A', 7), row(`${'0'.repeat(24)}01000000:7919`, '0A', 8))
  assert.deepStrictEqual(owners(31001), [5, 6, 7])
  // Many listeners, and what is no table.
  write('tcp', ...Array.from({ length: 3000 }, (_, at) => row(`${loopback}:0001`, '0A', at)), row(`${loopback}:7919`, '0A', 9))
  write('tcp6', 'garbage\n\n')
  assert.deepStrictEqual(owners(31001), [9])
  if (process.platform !== 'linux') return
  const server = http.createServer().listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  assert.deepStrictEqual(portOwners(server.address().port), [process.geteuid()])
})

test('C279: a request under way when the grape\'s process ends is asked once more', async t => {
  const server = http.createServer((req, res) => {
    if (req.url === '/watch') return res.writeHead(200, { server: 'grenache-nodejs-ws-native/1.0.1' }).flushHeaders()
    // As a process that is killed.
    server.close()
    server.closeAllConnections()
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const link = await embedded(t, server.address().port)
  const { err, res } = await call(link, 'put', { v: 'Hello World!' })
  assert.ifError(err)
  assert.strictEqual(res, 'e5f96f6f38320f0f33959cb4d3d656452117aadb')
})
