'use strict'

// Requests that cannot succeed end with an error that says why; nothing is uncaught.

const assert = require('node:assert')
const http = require('node:http')
const net = require('node:net')
const { once } = require('node:events')
const { setImmediate } = require('node:timers/promises')
const { certificates } = require('../../scripts/lib/certificates')
const { run } = require('../../scripts/lib/child')
const { call, each, pair } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')
const { TEXT, frame, rawServer } = require('../../scripts/lib/frames')

/** The ways of a request: all native, by the socket object, and over TLS. */
const WAYS = {
  native: { replaced: false, secure: false },
  'by socket': { replaced: true, secure: false },
  TLS: { replaced: false, secure: true },
  'by socket over TLS': { replaced: true, secure: true }
}

/** A fact of this package for every way. `body` gets a `client(dests, conf)` of that way too. */
function everyWay (title, body) {
  for (const [way, { replaced, secure }] of Object.entries(WAYS)) {
    each(`${title}, ${way}`, args => {
      const { implementation, stage } = args
      class Transport extends implementation.TransportRPCClient {
        format (value) {
          return super.format(value)
        }
      }
      const client = (dests, conf) => stage.client(implementation, dests, {
        ...conf, ...(secure && { secure: certificates().client })
      }, replaced ? Transport : undefined)
      const serving = secure ? { secure: { ...certificates().server, verifyClient: () => true } } : {}
      const serve = onRequest => stage.serve(implementation, onRequest, serving)
      return body({ ...args, client, serve, secure: secure && certificates().server })
    }, { better: true })
  }
}

everyWay('C196: a dead destination is ECONNREFUSED for each callback', async ({ client }) => {
  const port = await freePort()
  const peer = client(`127.0.0.1:${port}`)
  const calls = Array.from({ length: 10 }, (_, at) => call(peer, 'request', 'k', at, {}))
  calls.push(call(peer, 'request', 'k', 1, { retry: 3 }), call(peer, 'map', 'k', 1, {}))
  for (const { err } of await Promise.all(calls)) {
    const { message, code, syscall, address, port: where } = err
    assert.ok(err instanceof Error)
    assert.deepStrictEqual({ message, code, syscall, address, port: where }, {
      message: `connect ECONNREFUSED 127.0.0.1:${port}`, code: 'ECONNREFUSED', syscall: 'connect', address: '127.0.0.1', port
    })
  }
})

each('C196: a process outlives a dead destination', async () => {
  const port = await freePort()
  const result = await run(`
    const { PeerRPCClient } = require(pkg)
    const peer = new PeerRPCClient({ lookup: (key, opts, cb) => cb(null, ['127.0.0.1:${port}']) }, {})
    peer.init()
    peer.request('k', 1, {}, err => {
      console.log(err.code)
      peer.stop()
    })
  `)
  assert.deepStrictEqual(result, { code: 0, signal: null, stdout: 'ECONNREFUSED\n', stderr: '' })
}, { better: true })

everyWay('C202: a reply that is no array is ignored', async ({ client, stage, secure }) => {
  const garbage = ['{"a":1}', '5', 'true', 'null', 'false', '0', '""', '"abc"', 'no JSON', '', '{', `{"a":"${'x'.repeat(70000)}"}`]
  const { dest } = await rawServer(stage, async raw => {
    for (;;) {
      const [rid, , payload] = JSON.parse((await raw.next()).text)
      raw.send(...garbage.map(text => frame(TEXT, text)), frame(TEXT, JSON.stringify([rid, null, payload])))
    }
  }, { secure })
  const transport = client(dest).transport(dest)
  for (const payload of ['a', 'b', { c: 1 }]) {
    assert.deepStrictEqual(await call(transport, 'request', 'k', payload, { timeout: 5000 }), { err: null, res: payload })
  }
})

/** A grape that answers everything with `body`. */
async function grape (stage, body) {
  const server = http.createServer((req, res) => {
    req.resume()
    res.end(body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stage.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${server.address().port}`
}

const GARBAGE = [
  ['no JSON', 'ERR_GRAPE_LOOKUP_EMPTY'],
  ['', 'ERR_GRAPE_LOOKUP_EMPTY'],
  ['null', 'ERR_GRAPE_LOOKUP_EMPTY'],
  ['5', 'ERR_GRAPE_LOOKUP_EMPTY'],
  ['{"a":1}', 'ERR_GRAPE_LOOKUP_EMPTY'],
  ['"127.0.0.1:80"', 'ERR_GRAPE_LOOKUP_EMPTY'],
  ['[]', 'ERR_GRAPE_LOOKUP_EMPTY'],
  ['["garbage"]', 'ERR_GRAPE_LOOKUP_INVALID'],
  ['[null]', 'ERR_GRAPE_LOOKUP_INVALID'],
  ['[5,{},[],""]', 'ERR_GRAPE_LOOKUP_INVALID'],
  ['["127.0.0.1:99999"]', 'ERR_GRAPE_LOOKUP_INVALID']
]

each('C203: a garbage lookup answer is a clear error', async ({ implementation, stage }) => {
  for (const [body, message] of GARBAGE) {
    const link = new implementation.Link({ grape: await grape(stage, body) })
    link.start()
    stage.after(() => link.stop())
    const peer = new implementation.PeerRPCClient(link, {})
    peer.init()
    stage.after(() => peer.stop())
    for (const method of ['request', 'map']) {
      const { err } = await call(peer, method, 'k', 1, { timeout: 1000 })
      assert.ok(err instanceof Error, `${method} ${body}`)
      assert.strictEqual(err.message, message, `${method} ${body}`)
    }
    assert.strictEqual((await call(link, 'lookup', 'k', {})).err.message, message, body)
  }
}, { better: true })

each('C203: garbage beside a destination is left out', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const link = new implementation.Link({ grape: await grape(stage, JSON.stringify([null, 'garbage', service.dest, 5])) })
  link.start()
  stage.after(() => link.stop())
  const peer = new implementation.PeerRPCClient(link, {})
  peer.init()
  stage.after(() => peer.stop())
  assert.deepStrictEqual(await call(peer, 'map', 'k', 1, {}), { err: null, res: [1] })
  for (let times = 0; times < 20; times++) {
    assert.deepStrictEqual(await call(peer, 'request', 'k', 1, {}), { err: null, res: 1 })
  }
}, { better: true })

/** Turns of the event loop in which what is due arrives: a timer, the next poll, an immediate. */
const TURNS = 5

/** Asserts that the call that `start` makes fails with ERR_TIMEOUT after `timeout` ms, or 100 ms later. */
async function timesOut (start, timeout) {
  const begun = performance.now()
  // A busy machine is late with its own timers too, which is not the request's lateness: it has this timer, 100 ms and
  // a few turns of the loop.
  let isLate = false
  const timer = new Promise(resolve => setTimeout(() => resolve(performance.now()), timeout))
  const answer = start()
  const late = setTimeout(async () => {
    for (let turn = 0; turn < TURNS; turn++) await setImmediate()
    isLate = true
  }, timeout + 100)
  const { err } = await answer
  const end = performance.now()
  clearTimeout(late)
  assert.strictEqual(err && err.message, 'ERR_TIMEOUT')
  assert.ok(!isLate, `over 100 ms late, after ${end - begun} ms instead of ${timeout}`)
  // Node's timers count from the beginning of their turn, which on a busy machine was a while ago.
  const due = Math.min(begun + timeout, await timer)
  assert.ok(end - begun > (due - begun) / 2, `${end - begun} ms instead of ${due - begun}: too early`)
}

everyWay('C204: a request without an answer times out within 100 ms of its deadline', async ({ client, serve }) => {
  const service = await serve((rid, key, payload, handler) => payload && handler.reply(null, payload))
  const peer = client(service.dest, { requestTimeout: 250 })
  const transport = peer.transport(service.dest)
  // Not connected yet; connected; several with other deadlines; the default.
  await timesOut(() => call(transport, 'request', 'k', null, { timeout: 150 }), 150)
  assert.strictEqual((await call(transport, 'request', 'k', 1, {})).res, 1)
  await timesOut(() => call(transport, 'request', 'k', null, { timeout: 20 }), 20)
  await Promise.all([500, 60, 300, 61, 150].map(timeout =>
    timesOut(() => call(transport, 'request', 'k', null, { timeout }), timeout)))
  await timesOut(() => call(transport, 'request', 'k', null, {}), 250)
  await timesOut(() => call(peer, 'map', 'k', null, { timeout: 100 }), 100)
  assert.strictEqual((await call(transport, 'request', 'k', 1, {})).res, 1)
})

everyWay('C204: a server that never answers the handshake is no excuse', async ({ client, stage }) => {
  const sockets = []
  const server = net.createServer(socket => {
    sockets.push(socket)
    socket.resume().on('error', () => {})
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  stage.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const peer = client(`127.0.0.1:${server.address().port}`)
  await Promise.all([50, 200, 120].map(timeout =>
    timesOut(() => call(peer, 'request', 'k', 1, { timeout, maxActiveDestTransports: 1 }), timeout)))
})

everyWay('C205: a lost connection ends what was sent with ERR_TRANSPORT_CLOSE at once', async ({ client, serve }) => {
  for (const end of ['terminate', 'close', 'stop']) {
    let asked = 0
    const service = await serve(() => {
      if (++asked < 3) return
      if (end === 'stop') return service.stop()
      for (const socket of service.socket.clients) socket[end]()
    })
    const peer = client(service.dest, { maxActiveDestTransports: 1 })
    const calls = [1, 2, 3].map(payload => call(peer, 'request', 'k', payload, { timeout: 15000 }))
    const start = Date.now()
    for (const { err, res } of await Promise.all(calls)) {
      assert.ok(err instanceof Error)
      assert.strictEqual(err.message, 'ERR_TRANSPORT_CLOSE', end)
      assert.strictEqual(res, undefined)
    }
    assert.ok(Date.now() - start < 5000, 'long before the timeout')
  }
})

everyWay('C206: with retry a request goes to another destination when its connection is lost', async ({ client, serve }) => {
  let lost = 0
  const bad = await serve(() => {
    lost++
    for (const socket of bad.socket.clients) socket.terminate()
  })
  const good = await serve()
  const peer = client([bad.dest, good.dest], { maxActiveDestTransports: 1 })
  // First to the bad one, whatever the lookup said; then to whichever is left.
  peer.dest = dests => dests[0]
  assert.deepStrictEqual(await call(peer, 'request', 'k', 1, { retry: 2, timeout: 5000 }), { err: null, res: 1 })
  assert.strictEqual(lost, 1)
  delete peer.dest
  for (let times = 0; times < 30; times++) {
    assert.deepStrictEqual(await call(peer, 'request', 'k', times, { retry: 2, timeout: 5000 }), { err: null, res: times })
  }
  assert.ok(lost < 5, 'who failed is not chosen for a while')
})

everyWay('C206: with retry a request goes elsewhere when a destination is dead', async ({ client, serve }) => {
  const good = await serve()
  const peer = client([`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`, good.dest])
  peer.dest = dests => dests[0]
  assert.deepStrictEqual(await call(peer, 'request', 'k', 1, { retry: 3 }), { err: null, res: 1 })
  const dead = client([`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`])
  assert.strictEqual((await call(dead, 'request', 'k', 1, { retry: 2 })).err.code, 'ECONNREFUSED')
})

const circular = {}
circular.self = circular
const PAYLOADS = [
  ['a BigInt', 5n, TypeError, /BigInt/],
  ['a BigInt inside', { a: [1, 2n] }, TypeError, /BigInt/],
  ['a circular object', circular, TypeError, /circular|cyclic/],
  ['a throwing toJSON', { toJSON () { throw new RangeError('mine') } }, RangeError, /^mine$/]
]

everyWay('C207: a payload that JSON cannot say hands the callback the error', async ({ client, serve }) => {
  const service = await serve()
  const peer = client(service.dest, { maxActiveDestTransports: 1 })
  for (const [name, payload, type, message] of PAYLOADS) {
    for (const method of ['request', 'map']) {
      // Among others that are fine, also before there is a connection.
      const calls = [1, payload, 2].map(each => call(peer, method, 'k', each, { timeout: 5000 }))
      const [before, { err }, after] = await Promise.all(calls)
      assert.ok(err instanceof type, name)
      assert.match(err.message, message)
      assert.deepStrictEqual([before, after].map(({ err, res }) => [err, [].concat(res)]), [[null, [1]], [null, [2]]])
    }
  }
})

pair('C207: a result that JSON cannot say throws in the service, and the client may go on', async ({ server, client, stage }) => {
  const thrown = []
  const service = await stage.serve(server, (rid, key, payload, handler) => {
    try {
      handler.reply(null, payload === 'bad' ? 5n : payload)
    } catch (err) {
      thrown.push(err)
      handler.reply(err)
    }
  })
  const peer = stage.client(client, service.dest)
  const { err } = await call(peer, 'request', 'k', 'bad', {})
  assert.strictEqual(thrown.length, 1)
  assert.ok(thrown[0] instanceof TypeError)
  assert.strictEqual(err.message, thrown[0].message)
  assert.strictEqual((await call(peer, 'request', 'k', 'good', {})).res, 'good')
})
