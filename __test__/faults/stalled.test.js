'use strict'

// Subscribers that stand still, and a publisher with little memory.

const assert = require('node:assert')
const { fault, start, startServer, until } = require('../helpers/peers/faulty')
const { told } = require('../helpers/peers/subscribers')

const HEAP = 64
const GROWTH = 64 * 1024 * 1024
const READERS = 9
const SIZE = 16 * 1024
/** Over all ten connections. */
const TOTAL = 500 * 1024 * 1024
const MESSAGES = Math.ceil(TOTAL / (READERS + 1) / SIZE)
/** Published before everybody must have read what was published so far. */
const AHEAD = 64

for (const slowSubscriber of ['disconnect', 'drop']) {
  fault(`a stalled subscriber costs a publisher less than 64 MiB, and the others no message, ${slowSubscriber}`, async (stage, implementation) => {
    const publisher = await startServer(stage, { role: 'publisher', conf: { slowSubscriber } }, { heap: HEAP })
    const readers = []
    for (let at = 0; at < READERS; at++) {
      const peer = stage.subscriber(implementation, publisher.dest, { reconnect: false })
      const reader = { next: 0, wrong: 0 }
      peer.on('message', text => {
        if (parseInt(text) === reader.next && text.length > SIZE) reader.next++
        else reader.wrong++
      })
      const connected = told(peer, 'connected')
      peer.sub('key')
      await connected
      readers.push(reader)
    }
    const stalled = start(stage, { role: 'subscriber', dest: publisher.dest })
    await stalled.told('connected')
    await until(async () => await publisher.ask('connections') === READERS + 1)
    stalled.signal('SIGSTOP')

    const before = (await publisher.ask('usage')).rss
    let usage
    let most = 0
    for (let at = 0; at < MESSAGES; at += AHEAD) {
      const to = Math.min(at + AHEAD, MESSAGES)
      await publisher.ask('publish', at, to, SIZE)
      usage = await publisher.ask('slow')
      most = Math.max(most, usage.rss)
      await until(() => readers.every(({ next, wrong }) => next === to || wrong > 0), 1)
    }
    assert.deepStrictEqual(readers, Array.from(readers, () => ({ next: MESSAGES, wrong: 0 })))
    assert.ok(most - before < GROWTH, `grew by ${(most - before) / 1024 / 1024} MiB`)
    const connections = await publisher.ask('connections')
    if (slowSubscriber === 'disconnect') {
      assert.deepStrictEqual([usage.slow, usage.lost, connections], [1, 0, READERS])
      return
    }
    assert.strictEqual(connections, READERS + 1)
    assert.notStrictEqual(usage.lost, 0)
    // It goes on with the newest, in order, and without those that were lost.
    stalled.signal('SIGCONT')
    await until(async () => (await stalled.ask('heard')).last === MESSAGES - 1)
    assert.deepStrictEqual(await stalled.ask('heard'), { count: MESSAGES - usage.lost, last: MESSAGES - 1, ordered: true })
  })
}
