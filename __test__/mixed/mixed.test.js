'use strict'

// Old and new peers, each a process of its own, over real grapes.

const { after, before, test } = require('node:test')
const assert = require('node:assert')
const { Child } = require('../../scripts/lib/child')
const { freePort } = require('../../scripts/lib/ports')

const PAIRS = [
  ['native', 'native'],
  ['original', 'native'],
  ['native', 'original']
]

let grapes
let grape

before(async () => {
  grapes = new Child(require.resolve('../../scripts/lib/grapes'))
  grape = (await grapes.next()).urls[0]
})

after(() => grapes.stop())

async function service (implementation, key) {
  const child = new Child(require.resolve('../helpers/processes/service'), implementation, grape, key, await freePort())
  const { port, error } = await child.next()
  assert.strictEqual(error, undefined)
  return Object.assign(child, { port })
}

for (const [server, client] of PAIRS) {
  test(`${server} server, ${client} client`, async t => {
    const key = `mixed_${server}_${client}`
    const services = [await service(server, key), await service(server, key)]
    const caller = new Child(require.resolve('../helpers/processes/caller'), client, grape)
    const ask = async (...calls) => {
      const { results, order } = await caller.ask(calls.map(call => ({ key, ...call })))
      return { results, order, first: results[0] }
    }
    t.after(() => Promise.all([...services, caller].map(child => child.stop())))

    await t.test('request and reply', async () => {
      const value = { a: [1, 2.5, null, true, 'x'], b: { c: '' } }
      assert.deepStrictEqual((await ask({ payload: { echo: value } })).first, { err: null, res: value })
    })

    await t.test('map reaches both servers', async () => {
      const { first } = await ask({ method: 'map', payload: { echo: 1 } })
      assert.deepStrictEqual(first, { err: null, res: [1, 1] })
    })

    await t.test('map takes a limit', async () => {
      const { first } = await ask({ method: 'map', payload: { echo: 1 }, opts: { limit: 1 } })
      assert.deepStrictEqual(first, { err: null, res: [1] })
    })

    await t.test('errors travel, also together with a result', async () => {
      const { results } = await ask({ payload: { error: 'no' } }, { payload: { error: 'but', both: [1] } })
      assert.deepStrictEqual(results, [
        { err: { message: 'no' }, res: null },
        { err: { message: 'but' }, res: [1] }
      ])
    })

    await t.test('unicode arrives whole', async () => {
      const text = 'äöü 你好 🦀 \u2028 \u0000 "\\ '
      assert.strictEqual((await ask({ payload: { echo: text } })).first.res, text)
    })

    await t.test('300 KB arrive whole', async () => {
      const big = { text: 'ü'.repeat(100000), list: Array.from({ length: 20000 }, (_, at) => at) }
      assert.deepStrictEqual((await ask({ payload: { echo: big } })).first.res, big)
    })

    await t.test('late replies come out of order to their requests', async () => {
      const { results, order } = await ask(
        { payload: { late: 300, echo: 'slow' } },
        { payload: { late: 100, echo: 'middle' } },
        { payload: { echo: 'fast' } }
      )
      assert.deepStrictEqual(results.map(({ res }) => res), ['slow', 'middle', 'fast'])
      assert.deepStrictEqual(order, [2, 1, 0])
    })

    await t.test('many at once are all answered', async () => {
      const calls = Array.from({ length: 2000 }, (_, at) => ({ payload: { echo: at } }))
      const { results } = await ask(...calls)
      assert.deepStrictEqual(results.map(({ res }) => res), calls.map((_, at) => at))
    })

    await t.test('a request nobody serves', async () => {
      const { first } = await ask({ key: 'nobody_serves_this', payload: {} })
      // Ours have the code too.
      assert.deepStrictEqual(first, { err: { message: 'ERR_GRAPE_LOOKUP_EMPTY', ...client === 'native' && { code: 'ERR_GRAPE_LOOKUP_EMPTY' } } })
    })

    if (server === 'native') {
      await t.test('a reply followed at once by process.exit() arrives', async () => {
        const { first } = await ask({ payload: { echo: 'last words', exit: true } })
        assert.strictEqual(first.res, 'last words')
      })
    }
  })
}
