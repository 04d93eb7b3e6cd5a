'use strict'

// Clients that ask for more than a server's JavaScript can deal with.

const assert = require('node:assert')
const { fault, startServer, until } = require('../helpers/faulty')
const { TEXT, frame, rawClient } = require('../helpers/frames')

const CLIENTS = 24
const PER_CLIENT = 8 * 1024 * 1024
/** Under the 32 MiB that may wait, and what it takes to keep them. */
const GROWTH = 96 * 1024 * 1024

fault('192 MiB of requests, read faster than they are dealt with, cost a server less than 96 MiB, and none is lost', async stage => {
  const server = await startServer(stage, { handler: 'forget' }, { heap: 64 })
  const message = frame(TEXT, JSON.stringify(['r', 'k', 'x'.repeat(6000)]), { masked: true })
  const count = Math.ceil(PER_CLIENT / message.length)
  const bytes = Buffer.concat(new Array(count).fill(message))
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => rawClient(stage, server.port)))
  const before = (await server.ask('usage')).rss
  for (const { socket } of clients) socket.write(bytes)
  let most = 0
  await until(async () => {
    most = Math.max(most, (await server.ask('usage')).rss)
    return await server.ask('forgotten') === CLIENTS * count
  })
  assert.ok(most - before < GROWTH, `grew by ${(most - before) / 1024 / 1024} MiB`)
})
