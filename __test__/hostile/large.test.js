'use strict'

// Much that both sides have to say at once: neither may wait for the other.

const assert = require('node:assert')
const { hostile, mustAnswer } = require('../helpers/hostile')

const SIZE = 1024 * 1024

hostile('requests that are more than all buffers hold, and whose answers are as large, are all answered', async ({ startServer, client }) => {
  const server = await startServer({}, { memory: 1024 })
  const peer = client(server, { maxActiveDestTransports: 1 })
  const payload = 'x'.repeat(SIZE)
  const answers = await Promise.all(Array.from({ length: 80 }, () => peer.request('key', payload, { timeout: 18000 })))
  assert.ok(answers.every(answer => answer === payload))
  await mustAnswer(peer)
})
