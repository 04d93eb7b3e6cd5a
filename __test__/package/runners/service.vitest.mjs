import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createRequire } from 'node:module'
import { PeerRPCClient, PeerRPCServer } from 'grenache-nodejs-ws'

const ours = createRequire(import.meta.url)('grenache-nodejs-ws-native')
let server, client

beforeEach(() => {
  server = new PeerRPCServer({}, {})
  server.init()
  const service = server.transport('server').listen(0)
  service.on('request', (rid, key, payload, handler) => key === 'echo' && handler.reply(null, payload))
  client = new PeerRPCClient({ lookup: (key, opts, cb) => cb(null, [`127.0.0.1:${service.port}`]) }, {})
  client.init()
})

afterEach(() => {
  vi.useRealTimers()
  client.stop()
  server.stop()
})

test('the original\'s name is this package', () => {
  expect(PeerRPCClient).toBe(ours.PeerRPCClient)
})

test('requests are answered', async () => {
  expect(await client.request('echo', { a: 1 }, {})).toEqual({ a: 1 })
})

test('they time out by the clock of a test', async () => {
  vi.useFakeTimers()
  const answer = client.request('slow', 1, { timeout: 60000 }).catch(err => err.message)
  expect(await client.request('echo', 1, {})).toBe(1)
  vi.advanceTimersByTime(61000)
  expect(await answer).toBe('ERR_TIMEOUT')
})
