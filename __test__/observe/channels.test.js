'use strict'

// What `diagnostics_channel` says of requests and connections.

const assert = require('node:assert')
const { AsyncLocalStorage } = require('node:async_hooks')
const { channel } = require('node:diagnostics_channel')
const { call, each } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')
const { WAYS, until } = require('../helpers/peers/observed')

const better = { better: true }

/** Hears the channels `grenache:<name>` until the test is over; `[name, message]` of each. */
function listen (stage, ...names) {
  const heard = []
  for (const name of names) {
    const one = channel(`grenache:${name}`)
    const hear = message => heard.push([name, message])
    one.subscribe(hear)
    stage.after(() => one.unsubscribe(hear))
  }
  return heard
}

const REQUEST = ['request:start', 'request:end', 'request:error']
const CONNECTION = ['connection:open', 'connection:close']

/** Names of what was heard of one side. */
const namesOf = (heard, side) => heard.filter(([, message]) => message.side === side).map(([name]) => name)

for (const [way, conf, Transports] of WAYS) {
  each(`each request is told at its start and at its end, on both sides, ${way}`, async ({ implementation, stage }) => {
    const service = await stage.serve(implementation, (rid, key, payload, handler) => {
      if (payload === 'fail') return handler.reply(new Error('no'))
      handler.reply(null, payload)
      // A mistake, which is told no second time.
      handler.reply(null, payload)
    }, conf.server, Transports.server)
    const peer = stage.client(implementation, service.dest, { ...conf.client, maxActiveDestTransports: 1 }, Transports.client)
    const heard = listen(stage, ...REQUEST)
    for (const payload of ['first', 'second', 'x'.repeat(20000), 'fail']) {
      heard.length = 0
      const { err } = await call(peer, 'request', 'key', payload, {})
      const last = payload === 'fail' ? 'request:error' : 'request:end'
      const [transport] = peer.tpool.list(service.dest)
      for (const side of ['client', 'server']) {
        assert.deepStrictEqual(namesOf(heard, side), ['request:start', last], side)
        const [[, message], [, again]] = heard.filter(([, message]) => message.side === side)
        assert.strictEqual(again, message)
        assert.strictEqual(message.transport, side === 'client' ? transport : service)
        assert.strictEqual(message.key, 'key')
        assert.strictEqual(message.payload, payload)
        assert.ok(message.duration > 0)
        assert.strictEqual(message.error && message.error.message, payload === 'fail' ? 'no' : undefined)
        assert.strictEqual(message.result, payload === 'fail' ? undefined : payload)
      }
      const [client, server] = ['client', 'server'].map(side => heard.find(([, message]) => message.side === side)[1])
      assert.strictEqual(client.error, err || undefined)
      assert.strictEqual(client.address, service.dest)
      assert.match(server.address, /^127\.0\.0\.1:\d+$/)
      assert.match(server.rid, /^[0-9a-f-]{36}$/)
      if (way !== 'replaced hooks') assert.strictEqual(client.rid, server.rid)
    }
  }, better)

  each(`each connection is told at its start and at its end, on both sides, ${way}`, async ({ implementation, stage }) => {
    const heard = listen(stage, ...CONNECTION)
    const service = await stage.serve(implementation, undefined, conf.server, Transports.server)
    const peer = stage.client(implementation, service.dest, { ...conf.client, maxActiveDestTransports: 1 }, Transports.client)
    await call(peer, 'request', 'key', 1, {})
    const [transport] = peer.tpool.list(service.dest)
    transport.socket.close(4000, 'enough')
    // Others may still end from the test before.
    const ours = () => heard.filter(([, message]) => message.transport === transport || message.transport === service)
    await until(() => ours().length === 4)
    for (const side of ['client', 'server']) {
      assert.deepStrictEqual(namesOf(ours(), side), CONNECTION)
      const [[, opened], [, closed]] = ours().filter(([, message]) => message.side === side)
      assert.strictEqual(closed, opened)
      const { address, ...message } = opened
      assert.deepStrictEqual(message, {
        side,
        transport: side === 'client' ? transport : service,
        secure: way === 'TLS',
        opened: true,
        code: 4000,
        reason: 'enough',
        error: undefined
      })
      assert.match(address, side === 'client' ? new RegExp(`^${service.dest}$`) : /^127\.0\.0\.1:\d+$/)
    }
  }, better)
}

each('requests that are not sent, not answered, or cut off are told as errors', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation, () => {})
  const peer = stage.client(implementation, service.dest, { maxActiveDestTransports: 1 })
  const transport = peer.transport(service.dest)
  transport.connect()
  // What times out was sent before.
  await until(() => transport.isConnected())
  const heard = listen(stage, ...REQUEST)
  const ask = async (payload, opts) => (await call(peer, 'request', 'key', payload, opts)).err
  const circular = {}
  circular.self = circular
  const errors = [await ask(circular, {}), await ask(1, { timeout: 30 })]
  const cut = ask(2, {})
  await until(() => service.stats().requests.received === 2)
  service.stop()
  errors.push(await cut)
  const client = heard.filter(([, { side }]) => side === 'client')
  assert.deepStrictEqual(client.map(([name]) => name), Array(3).fill(['request:start', 'request:error']).flat())
  assert.deepStrictEqual(client.filter(([name]) => name === 'request:error').map(([, { error }]) => error), errors)
  assert.deepStrictEqual(client.map(([, { rid }]) => typeof rid), ['undefined', 'undefined', 'string', 'string', 'string', 'string'])
}, better)

each('a connection that cannot be made is told at its end only, with the error', async ({ implementation, stage }) => {
  const heard = listen(stage, ...CONNECTION)
  const dest = `127.0.0.1:${await freePort()}`
  const { err } = await call(stage.client(implementation, dest), 'request', 'key', 1, {})
  const ours = heard.filter(([, { address }]) => address === dest)
  assert.strictEqual(ours.length, 1)
  const [[name, { side, address, opened, error }]] = ours
  assert.deepStrictEqual({ name, side, address, opened }, { name: 'connection:close', side: 'client', address: dest, opened: false })
  assert.strictEqual(error, err)
}, better)

each('one channel of the three is enough', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const peer = stage.client(implementation, service.dest)
  const heard = listen(stage, 'request:end')
  await call(peer, 'request', 'key', 1, {})
  assert.deepStrictEqual(heard.map(([name, { side }]) => [name, side]), [['request:end', 'server'], ['request:end', 'client']])
}, better)

if (channel('grenache:request:start').bindStore) {
  each('a store that is bound to the start is there while a service works on the request', async ({ implementation, stage }) => {
    const als = new AsyncLocalStorage()
    const start = channel('grenache:request:start')
    start.bindStore(als, ({ side, payload }) => `${side} ${payload}`)
    stage.after(() => start.unbindStore(als))
    const service = await stage.serve(implementation, (rid, key, payload, handler) => {
      setImmediate(() => handler.reply(null, als.getStore()))
    })
    const peer = stage.client(implementation, service.dest)
    const answers = await Promise.all([1, 2, 3].map(payload => call(peer, 'request', 'key', payload, {})))
    assert.deepStrictEqual(answers.map(({ res }) => res), ['server 1', 'server 2', 'server 3'])
  }, better)
}
