'use strict'

// Clients that ask for more than a server's JavaScript can deal with.

const assert = require('node:assert')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { fault, startServer, until, wait } = require('../helpers/peers/faulty')
const { TEXT, frame, rawClient } = require('../../scripts/lib/frames')

const CLIENTS = 40
/** Requests of one write, and writes of a client. */
const REQUESTS = 16
const WRITES = 64
/** Above the 32 MiB that may wait, and what it takes to keep and to parse them. */
const GROWTH = 144 * 1024 * 1024

fault('240 MiB of requests that come faster than they are dealt with cost a server less than 144 MiB, and none is lost', async stage => {
  const server = await startServer(stage, { handler: 'forget' }, { heap: 64 })
  const message = frame(TEXT, JSON.stringify(['r', 'k', 'x'.repeat(6000)]), { masked: true })
  const bytes = Buffer.concat(new Array(REQUESTS).fill(message))
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => rawClient(stage, server.port)))
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'flooded-'))
  stage.after(() => fs.rmSync(folder, { recursive: true }))
  const before = (await server.ask('usage')).most
  // JavaScript does nothing until no more bytes are taken.
  await server.ask('block', path.join(folder, 'go'))
  let taken = 0
  for (const { socket } of clients) {
    let writes = 0
    const write = () => {
      taken++
      if (writes++ < WRITES) socket.write(bytes, write)
    }
    write()
  }
  for (let before = 0; taken > before;) {
    before = taken
    await wait(500)
  }
  fs.writeFileSync(path.join(folder, 'go'), '')
  await until(async () => await server.ask('forgotten') === CLIENTS * WRITES * REQUESTS)
  const grown = (await server.ask('usage')).most - before
  assert.ok(grown < GROWTH, `grew by ${grown / 1024 / 1024} MiB`)
})
