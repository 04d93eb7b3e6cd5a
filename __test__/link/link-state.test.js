'use strict'

// Whether a link's grapes answer, told by events.

const assert = require('node:assert')
const { once } = require('node:events')
const http = require('node:http')
const { call, each } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')
const { standIn, startLink } = require('../helpers/grapes/stand-in')
const { until } = require('../helpers/until')
const { Grape, Link } = require('../..')

async function grapeAt (stage, port) {
  const grape = new Grape({ host: '127.0.0.1', dht_port: 0, api_port: port })
  await new Promise((resolve, reject) => grape.start(err => err ? reject(err) : resolve()))
  const stop = () => new Promise(resolve => grape.stop(resolve))
  stage.after(stop)
  return stop
}

/** What a link tells, in order. */
function listen (link, names = ['connect', 'disconnect', 'error']) {
  const told = []
  for (const name of names) link.on(name, arg => told.push([name, arg instanceof Error ? arg.code || arg.message : arg]))
  return told
}

each('C535 C194: connect comes when a grape answers, disconnect and error when none does, each time', async ({ implementation, stage }) => {
  const ports = [await freePort(), await freePort()]
  const urls = ports.map(port => `http://127.0.0.1:${port}`)
  const link = new Link({ grape: urls })
  stage.after(() => link.stop())
  const told = listen(link)
  link.start()
  await until(() => told.length === 2)
  assert.deepStrictEqual(told.splice(0), [['disconnect', 'ECONNREFUSED'], ['error', 'ECONNREFUSED']])
  // It looks again by itself.
  const stop = await grapeAt(stage, ports[1])
  await until(() => told.length === 1)
  assert.deepStrictEqual(told.splice(0), [['connect', undefined]])
  // Another one answers in its place: nothing is lost.
  const stopOther = await grapeAt(stage, ports[0])
  await stop()
  assert.strictEqual((await call(link, 'lookup', 'key')).err.message, 'ERR_GRAPE_LOOKUP_EMPTY')
  assert.deepStrictEqual(told, [])
  await stopOther()
  assert.strictEqual((await call(link, 'lookup', 'key')).err.code, 'ECONNREFUSED')
  await call(link, 'lookup', 'key')
  assert.deepStrictEqual(told.splice(0), [['disconnect', 'ECONNREFUSED'], ['error', 'ECONNREFUSED']])
  link.stop()
  link.start()
  await until(() => told.length === 2)
  assert.deepStrictEqual(told, [['disconnect', 'ECONNREFUSED'], ['error', 'ECONNREFUSED']])
}, { better: true })

each('C535: a web server is no grape, whatever it answers', async ({ implementation, stage }) => {
  for (const answer of ['hello', '<html>', '']) {
    const grape = await standIn(stage, (request, res) => { res.end(answer) })
    const link = new Link({ grape: grape.url })
    stage.after(() => link.stop())
    const told = listen(link)
    link.start()
    await until(() => told.length === 2)
    await call(link, 'lookup', 'key')
    await call(link, 'announce', 'key', 1)
    assert.deepStrictEqual(told, [['disconnect', 'ERR_GRAPE_ANSWER'], ['error', 'ERR_GRAPE_ANSWER']])
  }
  const none = http.createServer((req, res) => res.writeHead(404).end('Not Found')).listen(0, '127.0.0.1')
  await once(none, 'listening')
  stage.after(() => {
    none.close()
    none.closeAllConnections()
  })
  const { port } = none.address()
  const link = new Link({ grape: `http://127.0.0.1:${port}` })
  stage.after(() => link.stop())
  const told = listen(link)
  link.start()
  await until(() => told.length === 2)
  const embedded = new Link({ grape: 'embedded', grapePort: port })
  stage.after(() => embedded.stop())
  const heard = listen(embedded)
  embedded.start()
  await until(() => heard.length === 2)
  assert.deepStrictEqual(heard, [['disconnect', 'ERR_GRAPE_FOREIGN'], ['error', 'ERR_GRAPE_FOREIGN']])
}, { better: true })

each('C535: who listens to none of these events sends no more than before, and nothing ends its process', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => 1)
  const link = startLink(stage, implementation, grape.url)
  await call(link, 'announce', 'key', 1)
  assert.deepStrictEqual(grape.requests.map(({ type }) => type), ['announce'])
  const gone = startLink(stage, implementation, 'http://127.0.0.1:1')
  const told = listen(gone, ['disconnect'])
  await until(() => told.length === 1)
  assert.strictEqual((await call(gone, 'lookup', 'key')).err.code, 'ECONNREFUSED')
}, { better: true })

each('C535: the embedded grape, and what carries exchanges by itself, connect', async ({ implementation, stage }) => {
  const embedded = new Link({ grape: 'embedded', grapePort: await freePort() })
  stage.after(() => embedded.stop())
  const connected = once(embedded, 'connect')
  embedded.start()
  await connected
  class Own extends Link {
    _post (url, data, opts, cb) {
      setImmediate(cb, null, [])
    }
  }
  const own = new Own({ grape: 'memory://grape' })
  stage.after(() => own.stop())
  await once(own.start(), 'connect')
}, { better: true })
