'use strict'

// Who ends a client before it has heard that its connection is open: what it asked was sent or not, and
// its callback says which.

const assert = require('node:assert')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { Child } = require('../../scripts/lib/child')
const { each } = require('../helpers/conformance')
const { CLOSE, TEXT, frame, rawServer } = require('../../scripts/lib/frames')

const OF_TRANSPORTS = ['stop() of the peer', 'stop() of the transport', 'disconnect()']

/** With the original these throw in the tick of the request. */
const OF_SOCKETS = ['close() of the socket', 'terminate() of the socket']

/** A server that notes in `came` what it was asked, and a client of it in another process. */
async function ends (stage, implementation, hear = () => {}) {
  const came = new Set()
  const ended = []
  const { dest } = await rawServer(stage, raw => {
    ended.push(raw.ended)
    const serve = async () => {
      for (;;) {
        const { opcode, text } = await raw.next()
        if (opcode === CLOSE) return raw.socket.destroy()
        if (opcode !== TEXT) continue
        const [rid, , payload] = JSON.parse(text)
        came.add(payload)
        hear(payload)
        if (payload === 'last') raw.send(frame(TEXT, JSON.stringify([rid, null, null])))
      }
    }
    // A client that is ended ends in the middle of this.
    serve().catch(() => raw.socket.destroy())
  })
  const client = new Child(require.resolve('../helpers/processes/cold-peer'), implementation.name, dest)
  stage.after(() => client.stop())
  assert.deepStrictEqual(await client.next(), { told: 'ready' })
  return { client, came, settled: () => Promise.all(ended) }
}

/** How often each is done. */
const ROUNDS = 25

async function asksAndEnds ({ implementation, stage }, how) {
  const { client, came, settled } = await ends(stage, implementation)
  const closed = []
  for (let payload = 0; payload < ROUNDS; payload++) {
    const { told } = await client.ask({ how, payload })
    assert.match(told, /^ERR_(TRANSPORT_CLOSE|TIMEOUT)$/)
    if (told === 'ERR_TRANSPORT_CLOSE') closed.push(payload)
  }
  // The connections before it are accepted by then.
  assert.deepStrictEqual(await client.ask({ how: 'none', payload: 'last' }), { told: 'answered' })
  await settled()
  assert.deepStrictEqual(closed.filter(payload => came.has(payload)), [])
}

for (const how of OF_TRANSPORTS) {
  each(`C520: ${how} in the turn of a request: ERR_TRANSPORT_CLOSE is unsent`, staged => asksAndEnds(staged, how))
}

for (const how of OF_SOCKETS) {
  each(`C520: ${how} in the turn of a request: ERR_TRANSPORT_CLOSE is unsent`, staged => asksAndEnds(staged, how), { better: true })
}

for (const how of [...OF_TRANSPORTS, ...OF_SOCKETS]) {
  each(`C521: ${how} after long work: a request that was sent is ERR_TIMEOUT`, async ({ implementation, stage }) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grenache-cold-'))
    stage.after(() => fs.rmSync(folder, { recursive: true, force: true }))
    const file = path.join(folder, 'came')
    const { client, came } = await ends(stage, implementation, () => fs.writeFileSync(file, ''))
    assert.deepStrictEqual(await client.ask({ how, payload: 1, file }), { told: 'ERR_TIMEOUT' })
    assert.deepStrictEqual([...came], [1])
  }, { better: true })
}
