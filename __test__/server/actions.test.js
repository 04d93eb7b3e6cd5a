'use strict'

// `actions`: requests `{ action, args }` answered by the methods of an object.

const assert = require('node:assert')
const { each } = require('../helpers/conformance')

const better = { better: true }
const UNKNOWN = { message: 'ERR_ACTION_UNKNOWN' }

/** A client of a service that answers by this handler; `ask(action, ...args)`. */
async function asking (stage, implementation, handler) {
  const service = await stage.serve(implementation)
  service.handle('api', handler)
  const peer = stage.client(implementation, service.dest)
  const send = payload => peer.request('api', payload)
  return { send, ask: (action, ...args) => send({ action, args }) }
}

each('C420: an action calls the method of its name', async ({ implementation, stage }) => {
  const api = {
    base: 10,
    add (a, b) { return this.base + a + b },
    later: async text => `${text} later`,
    count: (...args) => args.length,
    fail () { throw new RangeError('too far') },
    refuse: async () => { throw new Error('not now') }
  }
  const { ask, send } = await asking(stage, implementation, implementation.actions(api))
  assert.strictEqual(await ask('add', 1, 2), 13)
  assert.strictEqual(await ask('later', 'some time'), 'some time later')
  assert.strictEqual(await ask('count'), 0)
  assert.strictEqual(await send({ action: 'count' }), 0)
  assert.strictEqual(await send({ action: 'count', args: null }), 0)
  assert.strictEqual(await send({ action: 'count', args: { a: 1 } }), 1)
  await assert.rejects(ask('fail'), { message: 'too far' })
  await assert.rejects(ask('refuse'), { message: 'not now' })
  // As a test would do.
  api.add = () => 'a stub'
  assert.strictEqual(await ask('add', 1, 2), 'a stub')
  delete api.add
  await assert.rejects(ask('add', 1, 2), UNKNOWN)
}, better)

class Base {
  inherited () { return 'inherited' }
}

class Api extends Base {
  one () { return this.two() + 1 }
  two () { return 2 }
  _private () { return 'private' }
  static three () { return 3 }
}

each('C420: of a class those are called that are named, and of an object those that it has itself', async ({ implementation, stage }) => {
  const api = new Api()
  api.value = 5
  const { ask } = await asking(stage, implementation, implementation.actions(api, { methods: ['one', 'inherited'] }))
  assert.strictEqual(await ask('one'), 3)
  assert.strictEqual(await ask('inherited'), 'inherited')
  for (const action of ['two', '_private', 'three', 'value']) await assert.rejects(ask(action), UNKNOWN)

  const own = Object.assign(Object.create({ above: () => 'above' }), { _hidden: () => 'hidden', shown: () => 'shown', value: 5 })
  const second = await asking(stage, implementation, implementation.actions(own))
  assert.strictEqual(await second.ask('shown'), 'shown')
  for (const action of ['above', '_hidden', 'value']) await assert.rejects(second.ask(action), UNKNOWN)
}, better)

each('C420: nothing that every object has can be called, and nothing else ends the service', async ({ implementation, stage }) => {
  const api = { fine: () => 'fine', toString: () => 'mine', hasOwnProperty: () => 'mine' }
  const { ask, send } = await asking(stage, implementation, implementation.actions(api))
  const inherited = [...Object.getOwnPropertyNames(Object.prototype), ...Object.getOwnPropertyNames(Function.prototype)]
  for (const action of [...inherited, 'then', 'fine ', 'Fine', '', 'a.b', 5, true, null, {}, ['fine'], { toString: 'fine' }]) {
    await assert.rejects(ask(action), UNKNOWN, JSON.stringify(action))
  }
  for (const payload of [null, 5, 'fine', true, [], ['fine'], {}, { args: [] }, { action: { action: 'fine' } }]) {
    await assert.rejects(send(payload), UNKNOWN)
  }
  // By the wire, where JSON may have own properties of these names.
  await assert.rejects(send(JSON.parse('{"__proto__":{"action":"fine"},"constructor":{"name":"fine"}}')), UNKNOWN)
  assert.strictEqual({}.action, undefined)
  await assert.rejects(send({ action: 'fine', args: Array(500000).fill(1) }), { message: /call stack/ })
  assert.strictEqual(await ask('fine'), 'fine')
}, better)

each('C420: with callback and space the methods are those of the common style', async ({ implementation, stage }) => {
  class Worker {
    getPrice (space, symbol, { depth }, cb) { setImmediate(cb, null, [space.service, symbol, depth]) }
    fail (space, cb) { cb(new Error('ERR_NO_PRICE')) }
    text (space, cb) { cb('ERR_TEXT') } // eslint-disable-line n/no-callback-literal
    throws () { throw new Error('thrown') }
    async rejects () { throw new Error('rejected') }
    async late (space, cb) { setImmediate(cb, null, 'by its callback') }
    twice (space, cb) {
      cb(null, 1)
      cb(null, 2)
      cb(new Error('3'))
    }
  }
  const methods = ['getPrice', 'fail', 'text', 'throws', 'rejects', 'late', 'twice']
  const space = ({ key }, { extra }) => ({ service: key, extra })
  const { ask } = await asking(stage, implementation, implementation.actions(new Worker(), { methods, callback: true, space }))
  assert.deepStrictEqual(await ask('getPrice', 'tBTCUSD', { depth: 2 }), ['api', 'tBTCUSD', 2])
  for (const [action, message] of [['fail', 'ERR_NO_PRICE'], ['text', 'ERR_TEXT'], ['throws', 'thrown'], ['rejects', 'rejected']]) {
    await assert.rejects(ask(action), { message })
  }
  assert.strictEqual(await ask('late'), 'by its callback')
  assert.strictEqual(await ask('twice'), 1)
  const handler = implementation.actions({ first: space => space }, { space: null })
  assert.strictEqual(handler({ action: 'first', args: [1] }), null)
}, better)

each('C420: what cannot be called is refused when the service is made', ({ implementation: { actions } }) => {
  const api = { one () {}, value: 5 }
  for (const methods of [['two'], ['value'], ['one', 'constructor'], ['__proto__'], ['toString'], ['hasOwnProperty'], [5], []]) {
    assert.throws(() => actions(api, { methods }), { code: 'ERR_OPTION' }, `${methods}`)
  }
  for (const bad of [null, undefined, 5, 'api', () => {}, {}, new Api(), { value: 5 }]) {
    assert.throws(() => actions(bad), { code: 'ERR_OPTION' })
  }
  actions(api)
}, better)
