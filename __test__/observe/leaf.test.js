'use strict'

// lib/observe/channels is a leaf: nothing but reports depends on it, so that no count of `stats()` needs it.

const { test } = require('node:test')
const assert = require('node:assert')
const { promisify } = require('util')
const path = require('path')
const { execFile } = require('child_process')
const { freePort } = require('../../scripts/lib/ports')

const ROOT = path.join(__dirname, '..', '..')

const PROGRAM = `
const path = require('path')
if (process.argv[1] === 'without') {
  const nothing = Object.assign(() => {}, { enabled: false })
  const file = require.resolve(path.join(process.cwd(), 'lib/observe/channels.js'))
  const exports = { closed: nothing, debug: nothing, isWatched: () => false, opened: nothing }
  require.cache[file] = { id: file, filename: file, loaded: true, exports }
}
const { PeerRPCClient, PeerRPCServer } = require(process.cwd())

;(async () => {
  const server = new PeerRPCServer({}, {})
  server.init()
  const service = server.transport('server')
  service.listen(0)
  service.on('request', (rid, key, payload, handler) => handler.reply(payload === 'fail' ? new Error('ERR') : null, payload))
  const dests = ['127.0.0.1:' + service.port]
  const client = new PeerRPCClient({ lookup: (key, opts, cb) => cb(null, dests) }, { maxActiveDestTransports: 1 })
  client.init()
  for (const payload of ['a', 'fail', 'b']) await client.request('key', payload, {}).catch(() => {})
  client.stop()
  while ([client, server].some(peer => peer.stats().connections.open !== 0)) await new Promise(setImmediate)
  dests[0] = '127.0.0.1:' + process.argv[2]
  const other = new PeerRPCClient({ lookup: (key, opts, cb) => cb(null, dests) }, {})
  other.init()
  await other.request('key', 'a', {}).catch(() => {})
  const counts = [client, server, other].map(peer => {
    const { connections, requests } = peer.stats()
    return { connections, requests }
  })
  console.log(JSON.stringify(counts))
  process.exit(0)
})()
`

async function countsOf (how) {
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', PROGRAM, how, String(await freePort())], { cwd: ROOT })
  return JSON.parse(stdout)
}

test('without the diagnostics channels stats() counts the same', async () => {
  const [whole, without] = await Promise.all(['with', 'without'].map(countsOf))
  assert.deepStrictEqual([whole[0].connections.opened, whole[0].connections.closed, whole[2].connections.failed], [1, 1, 1])
  assert.strictEqual(whole[0].requests.started, 3)
  assert.deepStrictEqual(without, whole)
})
