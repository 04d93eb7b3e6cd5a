'use strict'

// A socket's `send` in whose place somebody has put another function, as tracing and tests do.

const assert = require('node:assert')
const { mock } = require('node:test')
const { once } = require('events')
const { call, each, pair } = require('../helpers/conformance')
const { clientOf, connectionOf } = require('../helpers/peers/hooks')
const { RawClient } = require('../helpers/wire/raw-client')
const { until } = require('../helpers/peers/faulty')

/** Ways to put a function in the place of a method; each returns what it was called with. */
const WAYS = {
  'an assignment': socket => {
    const sent = []
    const { send } = socket
    socket.send = function (...args) {
      sent.push(String(args[0]))
      return send.apply(this, args)
    }
    return sent
  },
  'mock.method of node:test': socket => {
    const sent = []
    const { send } = socket
    mock.method(socket, 'send', (...args) => {
      sent.push(String(args[0]))
      return send.apply(socket, args)
    })
    return sent
  }
}

for (const [way, patch] of Object.entries(WAYS)) {
  pair(`C474: replies go through a replaced send: ${way}`, async ({ server, client, stage }) => {
    const service = await stage.serve(server, (rid, key, payload, handler) => {
      if (payload === 'error') handler.reply(new Error('ERR_MINE'))
      else handler.reply(null, payload)
    })
    const transport = clientOf(stage, client, service)
    const [theirs] = await connectionOf(service, transport)
    await call(transport, 'request', 'key', 0, { timeout: 5000 })
    const sent = patch(theirs)
    const answers = await Promise.all([1, { two: 2 }, 'error'].map(payload => call(transport, 'request', 'key', payload, { timeout: 5000 })))
    assert.deepStrictEqual(answers.map(({ err, res }) => err ? err.message : res), [1, { two: 2 }, 'ERR_MINE'])
    assert.deepStrictEqual(sent.map(text => JSON.parse(text).slice(1)), [[null, 1], [null, { two: 2 }], ['ERR_MINE', null]])
    // Once it is the class's again, nothing more is heard.
    delete theirs.send
    await call(transport, 'request', 'key', 4, { timeout: 5000 })
    assert.strictEqual(sent.length, 3)
  })

  pair(`C474: requests go through a replaced send: ${way}`, async ({ server, client, stage }) => {
    const service = await stage.serve(server)
    const transport = clientOf(stage, client, service)
    await call(transport, 'request', 'key', 0, { timeout: 5000 })
    const sent = patch(transport.socket)
    for (const payload of [1, { two: 2 }]) {
      assert.deepStrictEqual(await call(transport, 'request', 'key', payload, { timeout: 5000 }), { err: null, res: payload })
    }
    assert.deepStrictEqual(sent.map(text => JSON.parse(text).slice(1)), [['key', 1], ['key', { two: 2 }]])
    delete transport.socket.send
    assert.deepStrictEqual(await call(transport, 'request', 'key', 3, { timeout: 5000 }), { err: null, res: 3 })
    assert.strictEqual(sent.length, 2)
  })

  pair(`C474: what is published goes through a replaced send, once to each: ${way}`, async ({ server, client, stage }) => {
    const service = await stage.publisher(server)
    const subscribe = async () => {
      const transport = stage.subscriber(client, service.dest).transport(service.dest)
      const heard = []
      transport.on('message', text => {
        heard.push(String(text))
        if (text === 'end') transport.emit('end')
      })
      const accepted = once(service.socket, 'connection')
      const connected = once(transport, 'connected')
      transport.sub()
      const [[theirs]] = await Promise.all([accepted, connected])
      return { heard, theirs, ended: once(transport, 'end') }
    }
    const [one, other] = [await subscribe(), await subscribe()]
    const sent = patch(one.theirs)
    for (const text of ['a', 'b', 'end']) service.pub(text)
    await Promise.all([one.ended, other.ended])
    assert.deepStrictEqual(sent, ['a', 'b', 'end'])
    assert.deepStrictEqual([one.heard, other.heard], [['a', 'b', 'end'], ['a', 'b', 'end']])
  })
}

pair('C474: what is published goes through the replaced send of a socket of `_sockets`', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const transport = stage.subscriber(client, service.dest).transport(service.dest)
  const heard = once(transport, 'message')
  transport.sub()
  await until(() => service._sockets.size === 1)
  const sent = WAYS['an assignment']([...service._sockets.values()][0])
  if (!transport.isConnected()) await once(transport, 'connected')
  service.pub('a')
  assert.strictEqual(String((await heard)[0]), 'a')
  assert.deepStrictEqual(sent, ['a'])
})

pair('C474: what a replaced send drops does not arrive', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const transport = stage.subscriber(client, service.dest).transport(service.dest)
  const accepted = once(service.socket, 'connection')
  transport.sub()
  const [theirs] = await accepted
  const { send } = theirs
  theirs.send = (text, ...rest) => text !== 'secret' && send.call(theirs, text, ...rest)
  if (!transport.isConnected()) await once(transport, 'connected')
  const heard = once(transport, 'message')
  service.pub('secret')
  service.pub('public')
  assert.strictEqual(String((await heard)[0]), 'public')
})

each('C474: a subscriber that does not read is ended as others are', async ({ implementation, stage }) => {
  const service = await stage.publisher(implementation, { highWater: 1 << 16 })
  const accepted = once(service.socket, 'connection')
  const client = await RawClient.connect(service.dest)
  stage.after(() => client.destroy())
  client.socket.pause()
  const [theirs] = await accepted
  const { send } = theirs
  theirs.send = (...args) => send.apply(theirs, args)
  const slow = once(service, 'slow-subscriber')
  const message = 'x'.repeat(1 << 20)
  for (let nth = 0; nth < 64 && theirs.readyState === theirs.OPEN; nth++) {
    service.pub(message)
    await new Promise(resolve => setImmediate(resolve))
  }
  const [socket, lost] = await slow
  assert.deepStrictEqual([socket, lost], [theirs, 0])
  assert.ok(theirs.readyState > theirs.OPEN)
}, { better: true })
