'use strict'

// Requests of client peers, and the hooks that each of them goes through.

const assert = require('node:assert')
const { Stream } = require('stream')
const { call, each, pair } = require('../helpers/conformance')

/** Servers that answer with their number; resolves with their transports. */
function numbered (stage, implementation, count) {
  return Promise.all(Array.from({ length: count }, (_, at) =>
    stage.serve(implementation, (rid, key, payload, handler) => handler.reply(null, at))))
}

const destsOf = services => services.map(({ dest }) => dest)

each('C48: dest picks one of the destinations at random', ({ implementation, stage }) => {
  const dests = ['a:1', 'b:2', 'c:3', 'd:4']
  const peers = [stage.client(implementation, dests), stage.subscriber(implementation, dests)]
  for (const peer of peers) {
    const chosen = {}
    for (let at = 0; at < 4000; at++) {
      const dest = peer.dest(dests, 'k', {})
      chosen[dest] = (chosen[dest] || 0) + 1
    }
    assert.deepStrictEqual(Object.keys(chosen).sort(), dests)
    // 1000 each are to be expected, with a standard deviation of 27.
    for (const count of Object.values(chosen)) assert.ok(count > 750 && count < 1250, count)
    assert.strictEqual(peer.dest(['only:1'], 'k'), 'only:1')
  }
})

pair('C49: an overridden dest is called on every request and decides', async ({ server, client, stage }) => {
  const services = await numbered(stage, server, 3)
  const dests = destsOf(services)
  const peer = stage.client(client, dests)
  const asked = []
  let next
  peer.dest = (...args) => {
    asked.push(args)
    return dests[next]
  }
  for (next of [2, 0, 0, 1, 2]) {
    assert.deepStrictEqual(await call(peer, 'request', 'k', 1, { maxActiveKeyDests: 4 }), { err: null, res: next })
  }
  assert.strictEqual(asked.length, 5)
  for (const args of asked) assert.deepStrictEqual(args, [dests, 'k', { maxActiveKeyDests: 4 }])
})

pair('C50: an overridden transport is called on every request and carries it', async ({ server, client, stage }) => {
  const [service] = await numbered(stage, server, 1)
  const peer = stage.client(client, service.dest)
  const { transport } = peer
  const asked = []
  peer.transport = (...args) => {
    asked.push(args)
    return transport.apply(peer, args)
  }
  const opts = { maxActiveDestTransports: 2, timeout: 9000 }
  for (let at = 0; at < 4; at++) {
    assert.deepStrictEqual(await call(peer, 'request', 'k', at, opts), { err: null, res: 0 })
  }
  assert.deepStrictEqual(asked, Array(4).fill([service.dest, { maxActiveDestTransports: 2 }]))
  await call(peer, 'map', 'k', 1, opts)
  assert.strictEqual(asked.length, 5)

  peer.transport = dest => ({ request: (...args) => args.pop()(null, [dest, ...args]) })
  assert.deepStrictEqual(await call(peer, 'request', 'k', { a: 1 }, opts), {
    err: null,
    res: [service.dest, 'k', { a: 1 }, { timeout: 9000 }]
  })
})

pair('C51: an overridden newTransport is called for every new transport', async ({ server, client, stage }) => {
  const [service] = await numbered(stage, server, 1)
  const made = []
  class Mine extends client.PeerRPCClient {
    newTransport (conf) {
      const transport = super.newTransport(conf)
      made.push({ conf, transport })
      return transport
    }
  }
  const peer = stage.client({ PeerRPCClient: Mine }, service.dest, { mine: 1 })
  for (let at = 0; at < 5; at++) assert.ifError((await call(peer, 'request', 'k', at, {})).err)
  assert.strictEqual(made.length, 3)
  assert.deepStrictEqual(made.map(({ transport }) => transport), peer.tpool.list(service.dest))
  for (const { conf } of made) {
    assert.strictEqual(conf.dest, service.dest)
    assert.strictEqual(conf.mine, 1)
  }
})

pair('C52: an overridden getTransportClass decides the class', async ({ server, client, stage }) => {
  const requests = []
  class MyServer extends server.TransportRPCServer {}
  class MyClient extends client.TransportRPCClient {
    request (key, payload, opts, cb) {
      requests.push(payload)
      super.request(key, payload, opts, cb)
    }
  }
  const service = await stage.serve(server, undefined, {}, MyServer)
  assert.ok(service instanceof MyServer)
  const peer = stage.client(client, service.dest, {}, MyClient)
  assert.deepStrictEqual(await call(peer, 'request', 'k', 'hello', {}), { err: null, res: 'hello' })
  assert.deepStrictEqual(requests, ['hello'])
  assert.ok(peer.tpool.list(service.dest)[0] instanceof MyClient)
  assert.ok(peer.transport('127.0.0.1:1') instanceof MyClient)
})

/** A request's options go through the hook `maker`, and what that returns to `taker`, last. */
const through = (maker, taker) => async ({ server, client, stage }) => {
  const [service] = await numbered(stage, server, 1)
  const peer = stage.client(client, service.dest)
  const given = []
  const made = { made: 'here' }
  peer[maker] = opts => {
    given.push(opts)
    return made
  }
  const method = peer[taker]
  const taken = []
  peer[taker] = (...args) => {
    taken.push(args[args.length - 1])
    return method.apply(peer, args)
  }
  const opts = { mine: 1, timeout: 9000 }
  for (let at = 0; at < 2; at++) assert.ifError((await call(peer, 'request', 'k', 1, opts)).err)
  assert.deepStrictEqual(given, [opts, opts])
  assert.deepStrictEqual(taken, [made, made])
}

pair('C53: what getTransportOpts makes of the options goes to transport', through('getTransportOpts', 'transport'))
pair('C65: what getDestOpts makes of the options goes to dest', through('getDestOpts', 'dest'))

pair('C64: what getRequestOpts makes of the options goes to the transport\'s request', async ({ server, client, stage }) => {
  const taken = []
  class Mine extends client.TransportRPCClient {
    request (key, payload, opts, cb) {
      taken.push(opts)
      super.request(key, payload, opts, cb)
    }
  }
  const service = await stage.serve(server)
  const peer = stage.client(client, service.dest, {}, Mine)
  const given = []
  const made = { timeout: 9000, made: 'here' }
  const opts = { mine: 1, timeout: 8000 }
  assert.ifError((await call(peer, 'request', 'k', 1, opts)).err)
  assert.strictEqual(taken.pop().timeout, 8000)
  peer.getRequestOpts = opts => {
    given.push(opts)
    return made
  }
  for (const method of ['request', 'map']) assert.ifError((await call(peer, method, 'k', 1, opts)).err)
  assert.deepStrictEqual(given, [opts, opts])
  assert.deepStrictEqual(taken, [made, made])
})

pair('C55: request works with and without options', async ({ server, client, stage }) => {
  const service = await stage.serve(server)
  const peer = stage.client(client, service.dest)
  assert.deepStrictEqual(await call(peer, 'request', 'k', 1, { timeout: 9000 }), { err: null, res: 1 })
  assert.deepStrictEqual(await call(peer, 'request', 'k', 2, {}), { err: null, res: 2 })
  assert.deepStrictEqual(await call(peer, 'request', 'k', 3), { err: null, res: 3 })
  assert.deepStrictEqual(await call(peer, 'request', 'k', 4, undefined), { err: null, res: 4 })
})

/**
 * Waits for a request that nobody answers; resolves with its error and how long it took. The
 * original looks for expired requests when its pool is monitored, every 10 s: here more often.
 */
async function expiry (stage, peer, asker, opts) {
  const since = performance.now()
  const monitor = setInterval(() => peer.tpool.monitor(), 10)
  stage.after(() => clearInterval(monitor))
  const { err, res } = await call(asker, 'request', 'k', 1, opts)
  assert.strictEqual(res, undefined)
  return { message: err.message, took: performance.now() - since }
}

// Timers count from the beginning of their turn, which on a busy machine was a while ago.
const EARLY = 30

pair('C56: a request ends with ERR_TIMEOUT after opts.timeout', async ({ server, client, stage }) => {
  const service = await stage.serve(server, () => {})
  const peer = stage.client(client, service.dest, { requestTimeout: 15000 })
  for (const timeout of [150, 50]) {
    const { message, took } = await expiry(stage, peer, peer, { timeout })
    assert.strictEqual(message, 'ERR_TIMEOUT')
    assert.ok(took >= timeout - EARLY, took)
  }
})

pair('C56: a request of a transport without timeout takes conf.requestTimeout', async ({ server, client, stage }) => {
  const service = await stage.serve(server, () => {})
  const peer = stage.client(client, service.dest, { requestTimeout: 100 })
  const { message, took } = await expiry(stage, peer, peer.transport(service.dest), {})
  assert.strictEqual(message, 'ERR_TIMEOUT')
  assert.ok(took >= 100 - EARLY, took)
})

// A request of the original's peer without timeout never times out: it hands its transport
// `{ timeout: undefined }`, which wins over the conf there.
pair('C223: a request of a peer without timeout takes conf.requestTimeout', async ({ server, client, stage }) => {
  const service = await stage.serve(server, () => {})
  const peer = stage.client(client, service.dest, { requestTimeout: 100 })
  for (const opts of [{}, undefined]) {
    const { message, took } = await expiry(stage, peer, peer, opts)
    assert.strictEqual(message, 'ERR_TIMEOUT')
    assert.ok(took >= 100 - EARLY, took)
  }
}, { better: 'client' })

each('C56: requestTimeout is 60000 by default', ({ implementation, stage }) => {
  const peer = stage.client(implementation, [])
  const transport = peer.transport('127.0.0.1:1')
  assert.strictEqual(transport.conf.requestTimeout, 60000)
  assert.strictEqual(transport.newRequest('k', 1, {}, () => {}).opts.timeout, 60000)
})

/** Servers that answer their nth request with the error `no n`, or with `yes` from `good` on. */
async function reluctant (stage, implementation, good = Infinity) {
  const requests = []
  const service = await stage.serve(implementation, (rid, key, payload, handler) => {
    requests.push({ rid, key, payload })
    const nth = requests.length
    if (nth >= good) handler.reply(null, 'yes')
    else handler.reply(new Error(`no ${nth}`))
  })
  return { dest: service.dest, requests }
}

pair('C57: retry is the number of attempts, and the last error comes back', async ({ server, client, stage }) => {
  const { dest, requests } = await reluctant(stage, server)
  const peer = stage.client(client, dest)
  const { err } = await call(peer, 'request', 'the:key', { a: 1 }, { retry: 3 })
  assert.strictEqual(err.message, 'no 3')
  assert.strictEqual(requests.length, 3)
  for (const { key, payload } of requests) assert.deepStrictEqual({ key, payload }, { key: 'the:key', payload: { a: 1 } })
  assert.strictEqual(new Set(requests.map(({ rid }) => rid)).size, 3)
})

pair('C57: one attempt is made by default', async ({ server, client, stage }) => {
  const { dest, requests } = await reluctant(stage, server)
  const peer = stage.client(client, dest)
  assert.strictEqual((await call(peer, 'request', 'k', 1, {})).err.message, 'no 1')
  assert.strictEqual((await call(peer, 'request', 'k', 1)).err.message, 'no 2')
  assert.strictEqual((await call(peer, 'request', 'k', 1, { retry: 1 })).err.message, 'no 3')
  assert.strictEqual(requests.length, 3)
})

pair('C57: the first success ends the attempts', async ({ server, client, stage }) => {
  const { dest, requests } = await reluctant(stage, server, 2)
  const peer = stage.client(client, dest)
  assert.deepStrictEqual(await call(peer, 'request', 'k', 1, { retry: 5 }), { err: null, res: 'yes' })
  assert.strictEqual(requests.length, 2)
})

pair('C58: one lookup, then dest, transport and request for each attempt', async ({ server, client, stage }) => {
  const { dest } = await reluctant(stage, server, 3)
  const trace = []
  class Mine extends client.TransportRPCClient {
    request (key, payload, opts, cb) {
      trace.push('request')
      super.request(key, payload, opts, cb)
    }
  }
  const peer = stage.client(client, [], {}, Mine)
  peer.link = {
    lookup: (key, opts, cb) => {
      trace.push('lookup')
      setImmediate(cb, null, [dest])
    }
  }
  for (const name of ['dest', 'transport']) {
    const method = peer[name]
    peer[name] = (...args) => {
      trace.push(name)
      return method.apply(peer, args)
    }
  }
  assert.deepStrictEqual(await call(peer, 'request', 'k', 1, { retry: 5 }), { err: null, res: 'yes' })
  const attempt = ['dest', 'transport', 'request']
  assert.deepStrictEqual(trace, ['lookup', ...attempt, ...attempt, ...attempt])
})

each('C66: the stream that stream returns fails with an error', async ({ implementation, stage }) => {
  const peer = stage.client(implementation, '127.0.0.1:1')
  const failed = stream => new Promise(resolve => stream.on('error', resolve))
  const stream = peer.stream('k', {})
  assert.ok(stream instanceof Stream)
  assert.strictEqual(typeof stream.write, 'function')
  assert.ok(await failed(stream) instanceof Error)
  const failure = new Error('nobody knows')
  peer.link = { lookup: (key, opts, cb) => setImmediate(cb, failure) }
  assert.strictEqual(await failed(peer.stream('k', {})), failure)
})
