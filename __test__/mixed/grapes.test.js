'use strict'

// One network of the original's grapes and ours, each a process of its own.

const assert = require('node:assert')
const { test } = require('node:test')
const { network } = require('../helpers/grapes/network')
const { keys } = require('../helpers/grapes/signed')

const other = { original: 'native', native: 'original' }
const of = (nodes, kind) => nodes.filter(node => node.implementation === kind)

/** 200 names: JSON texts, odd characters, and what is both. */
function oddNames () {
  const parts = ['"', '[', ']', '{', '}', ':', ',', '1', 'null', '\\', '\\u0041', '\ud800', '\udc00', '\u{1f600}', '\0', '\n', ' ', 'é', '<b>', '%41', 'a']
  // By their bytes: lone surrogates are all the same.
  const names = new Map()
  const add = name => names.set(Buffer.from(name).toString('hex'), name)
  for (const name of ['["rpc","eu"]', '{"a":1}', '"q"', '[1,2]', '{"type":"Buffer","data":[1]}', 'null', '5', '1e999', '\ud800', '\udc00\ud800']) add(name)
  for (let number = parts.length; names.size < 200; number += 37) {
    add(number.toString(parts.length).split('').map(digit => parts[parseInt(digit, parts.length)]).join(''))
  }
  return [...names.values()]
}

for (const count of [2, 5, 20]) {
  test(`C225: a network of ${count} grapes of both kinds is one`, { timeout: 120000 }, async t => {
    const nodes = await network(t, count)

    await t.test('C226: a service announced on one kind is found on the other', async () => {
      for (const [at, kind] of ['original', 'native'].entries()) {
        const port = 1337 + at
        for (const key of [`rpc_${kind}`, 'x', 'a name that is much longer than a node id has bytes']) {
          const taken = await of(nodes, kind)[0].ask('announce', [`${key} ${kind}`, port])
          assert(taken >= 1, `${taken} took it`)
          for (const node of of(nodes, other[kind])) {
            assert.deepStrictEqual(await node.ask('lookup', `${key} ${kind}`), [`127.0.0.1:${port}`])
          }
        }
      }
    })

    if (count === 2) {
      await t.test('C297: any text is a name, and the same one on both kinds', async () => {
        for (const [at, name] of oddNames().entries()) {
          const services = []
          for (const [nth, kind] of ['original', 'native'].entries()) {
            const port = 1000 + 2 * at + nth
            assert.strictEqual(await of(nodes, kind)[0].ask('announce', [name, port]), 1, JSON.stringify(name))
            services.push(`127.0.0.1:${port}`)
            for (const node of nodes) assert.deepStrictEqual((await node.ask('lookup', name)).sort(), services, JSON.stringify(name))
          }
        }
      })
    }

    await t.test('C227: an immutable value put on one kind is read on the other', async () => {
      for (const kind of ['original', 'native']) {
        const v = `a value of ${kind}`
        const hash = await of(nodes, kind)[0].ask('put', { v })
        assert.match(hash, /^[0-9a-f]{40}$/)
        for (const node of of(nodes, other[kind])) {
          assert.strictEqual((await node.ask('get', hash)).v, v)
        }
      }
    })

    await t.test('C228: a mutable value put on one kind is read on the other, and moves on', async () => {
      for (const kind of ['original', 'native']) {
        for (const salt of [undefined, 'some salt']) {
          const { k, sign } = keys()
          const writer = of(nodes, kind)[0]
          const reader = of(nodes, other[kind]).pop()
          for (const seq of [1, 2]) {
            const hash = await writer.ask('put', sign({ v: `number ${seq}`, seq, salt }))
            assert.match(hash, /^[0-9a-f]{40}$/, `${kind} ${seq} ${hash}`)
            const found = await reader.ask('get', salt ? { hash, salt } : hash)
            assert.strictEqual(found.k, k.toString('hex'))
            assert.strictEqual(found.v, `number ${seq}`)
          }
        }
      }
    })

    if (count < 5) return
    await t.test('C229: a third of the grapes may be killed', async () => {
      const key = 'lasting'
      assert(await nodes[0].ask('announce', [key, 4000]) >= 2)
      const dead = nodes.filter((node, at) => at % 3 === 2)
      await Promise.all(dead.map(node => node.stop()))
      const alive = nodes.filter(node => !dead.includes(node))
      await Promise.all(alive.map(async node => {
        assert.deepStrictEqual(await node.ask('lookup', key), ['127.0.0.1:4000'], node.implementation)
      }))
      assert(await of(alive, 'native')[0].ask('announce', ['later', 4001]) >= 1)
      await Promise.all(alive.map(async node => {
        assert.deepStrictEqual(await node.ask('lookup', 'later'), ['127.0.0.1:4001'], node.implementation)
      }))
    })
  })
}
