'use strict'

// Callbacks run in the context (AsyncLocalStorage) of who asked, handlers in that of who began to
// listen, and nothing of one request is seen by another.

const assert = require('node:assert')
const { AsyncLocalStorage, AsyncResource } = require('node:async_hooks')
const { test } = require('node:test')
const { run } = require('../../scripts/lib/child')
const { call, each } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')
const { WAYS, until } = require('../helpers/peers/observed')
const { Link, PeerPub, PeerSub } = require('../..')

const better = { better: true }
const als = new AsyncLocalStorage()

/** Calls a method with a callback in the context `name`; resolves with the callback's context. */
function contextOf (name, object, method, ...args) {
  return new Promise(resolve => {
    als.run(name, () => object[method](...args, err => resolve({ context: als.getStore(), failed: !!err })))
  })
}

const calledIn = context => ({ context, failed: false })
const failedIn = context => ({ context, failed: true })

for (const [way, conf, Transports] of WAYS) {
  each(`the callback of a request runs in its caller's context, ${way}`, async ({ implementation, stage }) => {
    const service = await stage.serve(implementation, (rid, key, payload, handler) => {
      if (payload === 'fail') handler.reply(new Error('no'))
      else if (payload !== 'silent') handler.reply(null, payload)
    }, conf.server, Transports.server)
    const peer = stage.client(implementation, [service.dest, service.dest], { ...conf.client, maxActiveDestTransports: 1 }, Transports.client)
    const big = 'x'.repeat(20000)
    // Those of the first round wait for the connection.
    for (const round of ['connecting', 'connected']) {
      const names = Array.from({ length: 20 }, (_, at) => `${round} ${at}`)
      const payload = at => at % 2 ? at : big
      const seen = await Promise.all(names.map((name, at) => contextOf(name, peer, 'request', 'key', payload(at), {})))
      assert.deepStrictEqual(seen, names.map(calledIn))
    }
    assert.deepStrictEqual(await Promise.all([
      contextOf('map', peer, 'map', 'key', 1, {}),
      contextOf('error', peer, 'request', 'key', 'fail', {}),
      contextOf('retry', peer, 'request', 'key', 'fail', { retry: 3 }),
      contextOf('timeout', peer, 'request', 'key', 'silent', { timeout: 30 })
    ]), [calledIn('map'), failedIn('error'), failedIn('retry'), failedIn('timeout')])

    const [transport] = peer.tpool.list(service.dest)
    for (const object of [peer, transport]) {
      const controller = new AbortController()
      const aborted = contextOf('aborted', object, 'request', 'key', 'silent', { signal: controller.signal })
      als.run('who aborts', () => controller.abort())
      assert.deepStrictEqual(await aborted, failedIn('aborted'))
    }
    const stopped = contextOf('stop', transport, 'request', 'key', 'silent', {})
    transport.stop()
    assert.deepStrictEqual(await stopped, failedIn('stop'))
    assert.strictEqual(als.getStore(), undefined)
  }, better)

  each(`each request has a context of its own, ${way}`, async ({ implementation, stage }) => {
    const seen = []
    const service = await stage.serve(implementation, (rid, key, payload, handler) => {
      seen.push(als.getStore())
      als.enterWith(payload)
      setImmediate(() => handler.reply(null, als.getStore()))
    }, conf.server, Transports.server)
    const peer = stage.client(implementation, service.dest, { ...conf.client, maxActiveDestTransports: 1 }, Transports.client)
    // Whoever uses contexts is known from the first request on.
    await contextOf('first', peer, 'request', 'key', 'first', {})
    seen.length = 0
    const payloads = Array.from({ length: 20 }, (_, at) => `request ${at}`)
    const answers = await Promise.all(payloads.map(payload => new Promise(resolve => {
      peer.request('key', payload, {}, (err, res) => resolve([err, res, als.getStore()]))
    })))
    assert.deepStrictEqual(answers, payloads.map(payload => [null, payload, undefined]))
    // With replaced hooks they come by the events of one socket, as with the original.
    if (way !== 'replaced hooks') assert.deepStrictEqual(seen, payloads.map(() => undefined))
  }, better)

  each(`a server's handlers run in the context of who listens, ${way}`, async ({ implementation, stage }) => {
    const service = await als.run('listener', () => stage.serve(implementation, (rid, key, payload, handler) => {
      handler.reply(null, als.getStore())
    }, conf.server, Transports.server))
    const peer = stage.client(implementation, service.dest, conf.client, Transports.client)
    for (const payload of [1, 'x'.repeat(20000)]) {
      const { err, res } = await call(peer, 'request', 'key', payload, {})
      assert.deepStrictEqual([err, res, als.getStore()], [null, 'listener', undefined])
    }
  }, better)
}

each('a connection that cannot be made calls back in the caller\'s context', async ({ implementation, stage }) => {
  const peer = stage.client(implementation, `127.0.0.1:${await freePort()}`)
  const names = ['a', 'b', 'c']
  const seen = await Promise.all(names.map(name => contextOf(name, peer, 'request', 'key', 1, {})))
  assert.deepStrictEqual(seen, names.map(failedIn))
}, better)

each('a connection that breaks calls back in the callers\' contexts', async ({ implementation, stage }) => {
  let asked = 0
  const service = await stage.serve(implementation, () => asked++)
  const peer = stage.client(implementation, service.dest, { maxActiveDestTransports: 1 })
  const names = ['a', 'b', 'c']
  const waiting = names.map(name => contextOf(name, peer, 'request', 'key', 1, {}))
  await until(() => asked >= names.length)
  service.stop()
  assert.deepStrictEqual(await Promise.all(waiting), names.map(failedIn))
}, better)

test('callbacks of a link run in their callers\' contexts, also when they share an exchange', async t => {
  const grape = await new Promise(resolve => {
    const http = require('http')
    let asked = 0
    const server = http.createServer((req, res) => {
      req.resume().on('end', () => {
        // The first answer fails, so that there is another attempt.
        if (req.url === '/lookup' && asked++ === 0) res.statusCode = 500
        res.end(req.url === '/lookup' ? '["127.0.0.1:1"]' : '1')
      })
    })
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
  const link = new Link({ grape: `http://127.0.0.1:${grape.address().port}` }).start()
  t.after(() => {
    link.stop()
    grape.close()
    grape.closeAllConnections?.()
  })
  const names = ['a', 'b', 'c']
  const lookups = names.map(name => contextOf(name, link, 'lookup', 'key', {}))
  assert.deepStrictEqual(await Promise.all(lookups), names.map(calledIn))
  assert.deepStrictEqual(await contextOf('cached', link, 'lookup', 'key', {}), calledIn('cached'))
  assert.deepStrictEqual(await contextOf('announce', link, 'announce', 'key', 1, {}), calledIn('announce'))
  assert.deepStrictEqual(await contextOf('put', link, 'put', { v: 'x' }), calledIn('put'))
  assert.deepStrictEqual(await contextOf('get', link, 'get', 'hash'), calledIn('get'))
  assert.strictEqual(await new Promise(resolve => {
    als.run('again', () => link.startAnnouncing('key', 1, {}, () => resolve(als.getStore())))
  }), 'again')
  assert.strictEqual(als.getStore(), undefined)
})

test('a subscriber\'s events come in the context of who subscribed', async t => {
  const publisher = new PeerPub({}, {})
  publisher.init()
  const service = publisher.transport('server').listen(0)
  const dest = `127.0.0.1:${service.port}`
  const subscribers = ['a', 'b'].map(name => als.run(name, () => {
    // The answer comes later, in a context that has nothing to do with it.
    const other = new AsyncResource('OTHER')
    const link = { lookup: (key, opts, cb) => setImmediate(() => other.runInAsyncScope(AsyncResource.bind(cb), null, null, [dest])) }
    const subscriber = new PeerSub(link, { reconnect: false })
    subscriber.init()
    subscriber.on('message', text => {
      seen.push(`${name}: ${text} ${als.getStore()}`)
      // Nobody else sees it.
      als.run('inner', () => {})
    })
    for (const event of ['connected', 'disconnected']) subscriber.on(event, () => seen.push(`${name}: ${event} ${als.getStore()}`))
    subscriber.sub('key')
    return subscriber
  }))
  const seen = []
  t.after(() => [...subscribers, publisher].forEach(peer => peer.stop()))
  await until(() => service.stats().connections.open >= 2 && seen.length >= 2)
  service.pub(1)
  service.pub(Buffer.from('2'))
  await until(() => seen.length >= 6)
  service.stop()
  await until(() => seen.length >= 8)
  assert.deepStrictEqual(seen.sort(), ['a', 'b'].flatMap(name => [
    `${name}: 1 ${name}`, `${name}: 2 ${name}`, `${name}: connected ${name}`, `${name}: disconnected ${name}`
  ]))
})

// In processes of their own: whether anybody uses contexts is found out once.

const SCRIPT = `
const assert = require('assert')
const { AsyncLocalStorage } = require('async_hooks')
const als = new AsyncLocalStorage()
const { PeerRPCServer, PeerRPCClient } = require(pkg)
const server = new PeerRPCServer({}, {})
server.init()
const service = server.transport('server').listen(0)
const client = new PeerRPCClient({ lookup: (key, opts, cb) => cb(null, ['127.0.0.1:' + service.port]) }, {})
client.init()
const ask = payload => new Promise((resolve, reject) => {
  client.request('key', payload, {}, (err, res) => err ? reject(err) : resolve([res, als.getStore()]))
})
const end = () => { client.stop(); server.stop(); console.log('done') }
process.on('unhandledRejection', err => { console.error(err); process.exit(1) })
`

const CASES = {
  'who uses them in the middle of a turn': `
    service.on('request', (rid, key, payload, handler) => handler.reply(null, payload))
    const first = ask(1)
    const second = als.run('two', () => ask(2))
    Promise.all([first, second]).then(answers => {
      assert.deepStrictEqual(answers, [[1, undefined], [2, 'two']])
      end()
    })`,
  'a handler that is the first to use them': `
    service.on('request', (rid, key, payload, handler) => {
      const before = als.getStore()
      als.enterWith(payload)
      handler.reply(null, before === undefined ? 'clean' : before)
    })
    const rounds = async () => {
      for (let round = 0; round < 4; round++) {
        const answers = await Promise.all([1, 2, 3].map(ask))
        assert.deepStrictEqual(answers, answers.map(() => ['clean', undefined]))
      }
      end()
    }
    rounds()`,
  'who was there first': `
    service.on('request', (rid, key, payload, handler) => handler.reply(null, payload))
    ask(1).then(answer => {
      assert.deepStrictEqual(answer, [1, 'early'])
      end()
    })`
}
const EARLY = "const early = new (require('async_hooks').AsyncLocalStorage)(); early.enterWith('early');"

for (const io of ['libuv', 'tokio']) {
  for (const [title, source] of Object.entries(CASES)) {
    test(`contexts are kept for ${title}, ${io}`, async () => {
      const { code, stdout, stderr } = await run(title === 'who was there first' ? EARLY + SCRIPT.replace(/als.getStore/, 'early.getStore') + source : SCRIPT + source, { env: { GRENACHE_IO: io } })
      assert.deepStrictEqual({ code, stdout, stderr }, { code: 0, stdout: 'done\n', stderr: '' })
    })
  }
}

test('C350: loading the package replaces nothing of Node\'s', async () => {
  const { code, stderr } = await run(`
    const assert = require('assert')
    const hooks = require('async_hooks')
    const classes = [hooks.AsyncLocalStorage, hooks.AsyncResource, require('events'), require('net').Socket, Promise]
    const owners = [globalThis, process, hooks, require('timers'), require('module'),
      ...classes, ...classes.map(({ prototype }) => prototype)]
    const look = () => owners.map(owner => Object.getOwnPropertyDescriptors(owner))
    // Those that Node itself makes when they are read first.
    look()
    const before = look()
    require(pkg)
    look().forEach((descriptors, at) => {
      for (const key of Reflect.ownKeys(before[at])) {
        const [old, now] = [before[at][key], descriptors[key]]
        // Numbers are counts of Node's.
        if (typeof old.value === 'number' || key === '_events' || key === '_maxListeners') continue
        assert.deepStrictEqual([old.value === now.value, old.get === now.get, old.set === now.set], [true, true, true], String(key))
      }
    })
  `)
  assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: '' })
})

test('contexts are kept where Node\'s classes are frozen', async () => {
  const frozen = "Object.freeze(require('async_hooks').AsyncLocalStorage.prototype);"
  const { code, stdout, stderr } = await run(frozen + SCRIPT + CASES['who uses them in the middle of a turn'])
  assert.deepStrictEqual({ code, stdout, stderr }, { code: 0, stdout: 'done\n', stderr: '' })
})
