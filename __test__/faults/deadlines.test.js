'use strict'

// Many deadlines at once, and a clock that jumps.

const assert = require('node:assert')
const { call } = require('../helpers/conformance')
const { Calls, fault, wait } = require('../helpers/peers/faulty')

const PENDING = 100000
const SPREAD = 10000
/** Timeouts of one group lie close together, and so far from those of the next. */
const GROUPS = 10
const GAP = SPREAD / GROUPS - 100

fault('100,000 requests with deadlines over 10 s: each times out once, none early, in order', async (stage, implementation) => {
  const service = await stage.serve(implementation, () => {})
  const peer = stage.client(implementation, service.dest)
  await new Promise(resolve => peer.request('key', 0, { timeout: 1 }, resolve))
  let count = 0
  let latest = 0
  let disorder = 0
  let twice = 0
  let early = 0
  let other = 0
  await new Promise(resolve => {
    let open = PENDING
    for (let at = 0; at < PENDING; at++) {
      // Not in the order in which they are made.
      const group = 1 + at % GROUPS
      const timeout = group * SPREAD / GROUPS - at % 100
      const start = performance.now()
      let called = false
      peer.request('key', at, { timeout }, err => {
        if (called) twice++
        called = true
        if (!err || err.message !== 'ERR_TIMEOUT') other++
        // The native clock counts whole milliseconds.
        if (performance.now() - start < timeout - 2) early++
        latest = Math.max(latest, start + timeout)
        disorder = Math.max(disorder, latest - start - timeout)
        count++
        if (--open === 0) resolve()
      })
    }
  })
  await wait(100)
  assert.deepStrictEqual({ twice, early, other, count }, { twice: 0, early: 0, other: 0, count: PENDING })
  // What is due in one look comes in any order.
  assert.ok(disorder < GAP, `one came ${disorder} ms after its turn`)
})

for (const jump of [3600000, -3600000]) {
  fault(`a clock that jumps by ${jump / 3600000} h ends no request early or late`, async (stage, implementation) => {
    let answer
    const service = await stage.serve(implementation, (rid, key, payload, handler) => {
      if (payload === 'patient') answer = () => handler.reply(null, 'here')
    })
    const peer = stage.client(implementation, service.dest)
    // Of each kind one that is made before the jump, and one after it.
    const patient = call(peer, 'request', 'key', 'patient', { timeout: 15000 })
    const hasty = call(peer, 'request', 'key', 1, { timeout: 300 })
    const { now } = Date
    stage.after(() => { Date.now = now })
    Date.now = () => now() + jump
    const calls = new Calls()
    peer.request('key', 2, { timeout: 15000 }, calls.next())
    const late = await call(peer, 'request', 'key', 3, { timeout: 100 })
    assert.strictEqual(late.err.message, 'ERR_TIMEOUT')
    assert.strictEqual((await hasty).err.message, 'ERR_TIMEOUT')
    assert.strictEqual(calls.open, 1)
    answer()
    assert.deepStrictEqual(await patient, { err: null, res: 'here' })
  })
}
