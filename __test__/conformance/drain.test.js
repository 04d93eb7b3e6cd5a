'use strict'

// What becomes of the requests that a server has not begun which drains, or lets nobody in.

const assert = require('node:assert')
const { fork } = require('node:child_process')
const { once } = require('node:events')
const { certificates } = require('../../scripts/lib/certificates')
const { call, each, pair, reachable } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')
const { standIn, startLink } = require('../helpers/grapes/stand-in')
const { turn } = require('../helpers/until')

const better = { better: true }
const LONG = 20000

/** Ends a drain as one that everybody's answers wait for. */
function gated () {
  const handlers = []
  const arrived = async count => { while (handlers.length < count) await turn() }
  const onRequest = (rid, key, payload, handler) => handlers.push({ payload, reply: handler.reply })
  return { handlers, arrived, onRequest }
}

/** A process that serves `port`. */
async function server (stage, conf) {
  const child = fork(require.resolve('../helpers/processes/rolling-server'), [], { serialization: 'advanced' })
  stage.after(() => child.kill('SIGKILL'))
  child.send(conf)
  await once(child, 'message')
  // With TLS it listens a little later.
  await reachable(conf.listen)
  return child
}

for (const [way, secure] of [['plain', false], ['TLS', true]]) {
  for (const work of [5, 50]) {
    each(`C450: three servers that take ${work} ms are restarted with a drain, and no call fails or is begun twice, ${way}`, async ({ implementation, stage }) => {
      const ports = [await freePort(), await freePort(), await freePort()]
      const start = at => server(stage, { listen: ports[at], work, secure: secure && certificates().server })
      const servers = await Promise.all(ports.map((port, at) => start(at)))
      const conf = secure ? { secure: certificates().client } : {}
      const client = stage.client(implementation, ports.map(port => `127.0.0.1:${port}`), conf)
      const load = { sent: 0, isOver: false }
      const failed = []
      const asking = Array.from({ length: 100 }, async () => {
        while (!load.isOver) {
          const payload = load.sent++
          const { err, res } = await call(client, 'request', 'k', payload, { timeout: LONG })
          if (err || res !== payload) failed.push(err || res)
        }
      })
      const begun = []
      const drain = async child => {
        child.send({ drain: LONG })
        const [message] = await once(child, 'message')
        begun.push(...message.begun)
      }
      for (const [at, old] of servers.entries()) {
        const enough = load.sent + 300
        while (load.sent < enough) await turn()
        await drain(old)
        servers[at] = await start(at)
      }
      load.isOver = true
      await Promise.all(asking)
      await Promise.all(servers.map(drain))
      const { sent } = load
      assert.deepStrictEqual(failed, [])
      assert.strictEqual(begun.length, sent)
      assert.strictEqual(new Set(begun).size, sent)
      const { started, succeeded, failed: lost } = client.stats().requests
      assert.deepStrictEqual({ started, succeeded, lost }, { started: sent, succeeded: sent, lost: 0 })
    }, better)
  }

  each(`C451: what a draining server has begun is answered by it, while what it has not begun does not wait for that, ${way}`, async ({ implementation, stage }) => {
    const ofServer = secure ? { secure: { ...certificates().server, verifyClient: () => true } } : {}
    const one = gated()
    const old = await stage.serve(implementation, one.onRequest, ofServer)
    const other = await stage.serve(implementation, undefined, ofServer)
    const dests = [old.dest]
    const client = stage.client(implementation, old.dest, secure ? { secure: certificates().client } : {})
    client.link.lookup = (key, opts, cb) => cb(null, dests)
    const begun = call(client, 'request', 'k', 'begun', {})
    await one.arrived(1)
    dests.push(other.dest)
    const drained = old.stop({ drain: LONG })
    // Before the client can know of it.
    const [transport] = client.tpool.list(old.dest)
    const late = ['a', 'b', 'c'].map(payload => call(transport, 'request', 'k', payload, {}))
    assert.deepStrictEqual((await Promise.all(late)).map(({ res }) => res), ['a', 'b', 'c'])
    assert.deepStrictEqual(one.handlers.map(({ payload }) => payload), ['begun'])
    one.handlers[0].reply(null, 'done')
    assert.deepStrictEqual(await begun, { err: null, res: 'done' })
    await drained
  }, better)
}

each('C450: who knows of the draining server alone asks a grape for others, also while connections to it are open', async ({ implementation, stage }) => {
  const one = gated()
  const old = await stage.serve(implementation, one.onRequest)
  const other = await stage.serve(implementation)
  const grape = await standIn(stage, () => grape.requests.length === 1 ? [old.dest] : [old.dest, other.dest])
  const client = stage.client(implementation, [])
  client.link = startLink(stage, implementation, grape.url)
  const begun = ['a', 'b', 'c'].map(payload => call(client, 'request', 'k', payload, {}))
  await one.arrived(3)
  const drained = old.stop({ drain: LONG })
  const transports = client.tpool.list(old.dest)
  const late = transports.map((transport, at) => call(transport, 'request', 'k', at, {}))
  assert.deepStrictEqual((await Promise.all(late)).map(({ res }) => res), [0, 1, 2])
  for (const { payload, reply } of one.handlers) reply(null, payload)
  assert.deepStrictEqual((await Promise.all(begun)).map(({ res }) => res), ['a', 'b', 'c'])
  await drained
}, better)

each('C451: what was begun and is not answered fails, and is begun nowhere else', async ({ implementation, stage }) => {
  const one = gated()
  const old = await stage.serve(implementation, one.onRequest)
  const others = []
  const other = await stage.serve(implementation, (rid, key, payload, { reply }) => {
    others.push(payload)
    reply(null, payload)
  })
  const dests = [old.dest]
  const client = stage.client(implementation, [])
  client.link.lookup = (key, opts, cb) => cb(null, dests)
  const begun = call(client, 'request', 'k', 'begun', {})
  await one.arrived(1)
  dests.push(other.dest)
  await old.stop({ drain: 50 })
  assert.strictEqual((await begun).err.message, 'ERR_TRANSPORT_CLOSE')
  assert.strictEqual((await call(client, 'request', 'k', 'next', {})).res, 'next')
  assert.deepStrictEqual(others, ['next'])
}, better)

each('C452: a request whose destination lets nobody in goes to another one', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const closed = `127.0.0.1:${await freePort()}`
  const client = stage.client(implementation, [closed, service.dest])
  client.dest = dests => dests[0]
  const texts = ['a', { b: 1 }, 'c"\n']
  const results = await Promise.all(texts.map(text => call(client, 'request', 'k', text, {})))
  assert.deepStrictEqual(results.map(({ res }) => res), texts)
  const { requests } = client.stats()
  assert.deepStrictEqual([requests.started, requests.succeeded, requests.failed], [3, 3, 0])
}, better)

each('C452: without another one it fails as it would', async ({ implementation, stage }) => {
  const client = stage.client(implementation, `127.0.0.1:${await freePort()}`)
  const { err } = await call(client, 'request', 'k', 1, {})
  assert.strictEqual(err.code, 'ECONNREFUSED')
  assert.strictEqual(client.stats().requests.failed, 1)
}, better)

each('C453: a request for one destination, as of `map` and `dest`, goes to no other', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const closed = `127.0.0.1:${await freePort()}`
  const client = stage.client(implementation, [closed, service.dest])
  const { err } = await call(client, 'request', 'k', 1, { dest: closed })
  assert.strictEqual(err.code, 'ECONNREFUSED')
  const results = await call(client, 'map', 'k', 1, { settled: true })
  assert.deepStrictEqual(results.res.map(({ status }) => status), ['rejected', 'fulfilled'])
  const excluding = await call(client, 'request', 'k', 1, { exclude: service.dest })
  assert.strictEqual(excluding.err.code, 'ECONNREFUSED')
}, better)

each('C453: a request that is aborted is not sent again', async ({ implementation, stage }) => {
  const one = gated()
  const old = await stage.serve(implementation, one.onRequest)
  const others = []
  const other = await stage.serve(implementation, (rid, key, payload, { reply }) => {
    others.push(payload)
    reply(null, payload)
  })
  const lookups = []
  const client = stage.client(implementation, [])
  client.link.lookup = (key, opts, cb) => lookups.push(cb)
  const begun = call(client, 'request', 'k', 'begun', {})
  lookups.shift()(null, [old.dest])
  await one.arrived(1)
  const drained = old.stop({ drain: LONG })
  const [transport] = client.tpool.list(old.dest)
  const controller = new AbortController()
  const aborted = call(transport, 'request', 'k', 'aborted', { signal: controller.signal })
  const kept = call(transport, 'request', 'k', 'kept', { signal: new AbortController().signal })
  while (lookups.length === 0) await turn()
  controller.abort()
  lookups.shift()(null, [other.dest])
  assert.strictEqual((await aborted).err.name, 'AbortError')
  assert.strictEqual((await kept).res, 'kept')
  assert.deepStrictEqual(others, ['kept'])
  one.handlers[0].reply(null, 1)
  await begun
  await drained
}, better)

each('C453: a request that waits to be sent again ends with its own timeout', async ({ implementation, stage }) => {
  const one = gated()
  const old = await stage.serve(implementation, one.onRequest)
  const client = stage.client(implementation, old.dest)
  const begun = call(client, 'request', 'k', 'begun', {})
  await one.arrived(1)
  client.link.lookup = () => {}
  const drained = old.stop({ drain: LONG })
  const [transport] = client.tpool.list(old.dest)
  const late = await call(transport, 'request', 'k', 'late', { timeout: 100 })
  assert.strictEqual(late.err.message, 'ERR_TIMEOUT')
  one.handlers[0].reply(null, 1)
  assert.strictEqual((await begun).res, 1)
  await drained
}, better)

pair('C454: a client of the original is drained by closing with 1001 as soon as all is answered that was read', async ({ server, client, stage }) => {
  const one = gated()
  const service = await stage.serve(server, one.onRequest)
  const peer = stage.client(client, service.dest)
  const asked = call(peer, 'request', 'k', 1, {})
  await one.arrived(1)
  const [{ socket }] = peer.tpool.list(service.dest)
  const closed = once(socket, 'close')
  const drained = service.stop({ drain: LONG })
  one.handlers[0].reply(null, 'x')
  assert.strictEqual((await asked).res, 'x')
  assert.strictEqual((await closed)[0], 1001)
  await drained
}, { better: 'server' })

pair('C455: a server that closes with 1001 and does not say what it has read gets nothing sent again', async ({ server, client, stage }) => {
  const one = gated()
  const old = await stage.serve(server, one.onRequest)
  const begun = []
  const other = await stage.serve(server, (rid, key, payload, { reply }) => {
    begun.push(payload)
    reply(null, payload)
  })
  const dests = [old.dest]
  const peer = stage.client(client, [])
  peer.link.lookup = (key, opts, cb) => cb(null, dests)
  old.socket.on('connection', socket => { socket.on('message', () => socket.close(1001)) })
  const asked = call(peer, 'request', 'k', 'a', {})
  dests[0] = other.dest
  assert.strictEqual((await asked).err.message, 'ERR_TRANSPORT_CLOSE')
  assert.strictEqual((await call(peer, 'request', 'k', 'b', {})).res, 'b')
  assert.deepStrictEqual(begun, ['b'])
}, { better: 'client' })
