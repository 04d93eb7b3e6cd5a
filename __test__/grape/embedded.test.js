'use strict'

// The grape of one machine: `new Link({ grape: 'embedded' })`.

const assert = require('node:assert')
const http = require('http')
const { once } = require('events')
const { test } = require('node:test')
const { Link } = require('../..')
const { call } = require('../helpers/grape-pair')
const { exchange } = require('../helpers/grape-network')
const { Child, run } = require('../helpers/child')
const { freePort } = require('../helpers/ports')

async function embedded (t, port, conf) {
  const link = new Link({ grape: 'embedded', grapePort: port, ...conf })
  t.after(() => link.stop())
  link.start()
  return link
}

async function child (t, port, key) {
  const child = new Child('embedded-process.js', port, ...key ? [key] : [])
  t.after(() => child.stop())
  assert.deepStrictEqual(await child.next(), key ? { announced: key } : { started: true })
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
  assert.strictEqual(require('../../lib/defaults').GRAPE_PORT, 31001)
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

test('C278: another program at the port is asked, but not all the time', async t => {
  let watches = 0
  const server = http.createServer((req, res) => {
    if (req.url === '/watch') watches++
    res.statusCode = req.url === '/watch' ? 404 : 200
    res.end('["127.0.0.1:5"]')
  }).listen(0, '127.0.0.1')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  const link = await embedded(t, server.address().port)
  assert.deepStrictEqual((await call(link, 'lookup', 'key')).res, ['127.0.0.1:5'])
  await new Promise(resolve => setTimeout(resolve, 500))
  assert(watches < 10, `${watches}`)
})

test('C279: a request under way when the grape\'s process ends is asked once more', async t => {
  const server = http.createServer((req, res) => {
    if (req.url === '/watch') return
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
