'use strict'

// Lines for NODE_DEBUG=grenache.

const assert = require('node:assert')
const { test } = require('node:test')
const { run } = require('../../scripts/lib/child')

const SCRIPT = `
const net = require('net')
const { Link, PeerRPCClient, PeerRPCServer } = require(pkg)
const { once } = require('events')

async function freePort () {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}

async function main () {
  const grape = require('http').createServer((req, res) => {
    req.resume().on('end', () => res.end(JSON.stringify(req.url === '/lookup' ? dests : 1)))
  })
  await once(grape.listen(0, '127.0.0.1'), 'listening')
  const server = new PeerRPCServer({}, {})
  server.init()
  const service = server.transport('server').listen(0)
  service.on('request', (rid, key, payload, handler) => handler.reply(null, payload))
  const dead = '127.0.0.1:' + await freePort()
  const dests = [dead]
  const deadGrape = 'http://127.0.0.1:' + await freePort()
  const link = new Link({ grape: [deadGrape, 'http://127.0.0.1:' + grape.address().port] }).start()
  const client = new PeerRPCClient(link, {})
  client.init()
  const ask = opts => new Promise(resolve => client.request('key', 1, opts, resolve))
  await ask({ retry: 2 })
  const alive = '127.0.0.1:' + service.port
  dests[0] = alive
  for (let at = 0; at < 100; at++) await ask({})
  await client.stop({ drain: 5000 })
  link.stop()
  server.stop()
  grape.close()
  console.log(JSON.stringify({ dead, alive, deadGrape }))
}

main()
`

for (const io of ['libuv', 'tokio']) {
  test(`connections, failures, attempts, lookups and waits are written, requests are not, ${io}`, async () => {
    const { code, stdout, stderr } = await run(SCRIPT, { env: { NODE_DEBUG: 'grenache', GRENACHE_IO: io } })
    assert.strictEqual(code, 0, stderr)
    const { dead, alive, deadGrape } = JSON.parse(stdout)
    const lines = stderr.trim().split('\n')
    for (const line of lines) assert.match(line, /^GRENACHE \d+: /)
    const wanted = [
      `lookup at ${deadGrape}: connect ECONNREFUSED`,
      `${deadGrape}: failed, left out for 5000 ms`,
      'lookup at http://127.0.0.1:',
      `client ${dead}: connecting`,
      `client ${dead}: not connected, code 1006, connect ECONNREFUSED ${dead}`,
      `${dead}: failed, left out for 1000 ms`,
      `key: connect ECONNREFUSED ${dead}, trying again`,
      `client ${alive}: connecting`,
      `client ${alive}: open`,
      `client ${alive}: closed, code `,
      'server 127.0.0.1:'
    ]
    for (const text of wanted) assert.ok(stderr.includes(`: ${text}`), `${text}\n${stderr}`)
    assert.ok(lines.length < 100, `${lines.length} lines`)
  })
}

test('nothing is written otherwise', async () => {
  const { code, stderr } = await run(SCRIPT, { env: { NODE_DEBUG: '' } })
  assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: '' })
})
