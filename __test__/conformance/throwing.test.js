'use strict'

// Callbacks that throw, each in a process of its own: what they threw is uncaught there.

const { test } = require('node:test')
const assert = require('node:assert')
const { run } = require('../../scripts/lib/child')

/** A server that answers only once it has `count` requests, all in one write; and its client. */
const PEERS = `
const { PeerRPCServer, PeerRPCClient, TransportRPCClient } = require(pkg)
const COUNT = 6
const server = new PeerRPCServer({}, {})
server.init()
const waiting = []
const service = server.transport('server').listen(0)
service.on('request', (rid, key, payload, handler) => {
  if (key === 'never') return
  waiting.push(() => handler.reply(null, payload))
  if (waiting.length === COUNT) for (const answer of waiting.splice(0)) answer()
})
class Replaced extends TransportRPCClient {
  format (value) {
    return super.format(value)
  }
}
const peer = new PeerRPCClient({ lookup: (key, opts, cb) => cb(null, ['127.0.0.1:' + service.port]) }, { maxActiveDestTransports: 1 })
if (process.env.REPLACED) peer.getTransportClass = () => Replaced
peer.init()
const got = []
let left = COUNT
function done (what) {
  got.push(what)
  if (--left > 0) return
  setTimeout(() => {
    console.log(got.join())
    peer.stop()
    server.stop()
  }, 20)
}
`

const CATCH = 'process.on(\'uncaughtException\', err => got.push(err.message))\n'

for (const [way, env] of [['native', {}], ['by socket', { REPLACED: '1' }]]) {
  const outcome = async (source, expected) => {
    const { stdout, stderr, code } = await run(PEERS + CATCH + source, { env })
    assert.deepStrictEqual({ stderr, code }, { stderr: '', code: 0 })
    assert.deepStrictEqual(stdout.trim().split(',').sort(), expected)
  }

  test(`C208: a throwing callback loses no other reply of its read, ${way}`, () => outcome(`
    for (let i = 0; i < COUNT; i++) {
      peer.request('k', i, (err, res) => {
        done(err || res)
        if (res === 1 || res === 4) throw new Error('mine ' + res)
      })
    }
  `, ['0', '1', '2', '3', '4', '5', 'mine 1', 'mine 4']))

  test(`C208: every callback throws, ${way}`, () => outcome(`
    for (let i = 0; i < COUNT; i++) {
      peer.request('k', i, (err, res) => {
        done(err || res)
        throw new Error('mine')
      })
    }
  `, ['0', '1', '2', '3', '4', '5', ...Array(6).fill('mine')]))

  test(`C208: a callback that throws when it times out loses no other, ${way}`, () => outcome(`
    // Something that wakes the loop, so that only the callbacks count here.
    const pace = setInterval(() => left > 0 || clearInterval(pace), 10)
    for (let i = 0; i < COUNT; i++) {
      peer.request('never', i, { timeout: 100 }, err => {
        done(i + err.message)
        if (i < 2) throw new Error('mine')
      })
    }
  `, [...[0, 1, 2, 3, 4, 5].map(at => `${at}ERR_TIMEOUT`), 'mine', 'mine']))

  test(`C208: a callback that throws when its connection is lost loses no other, ${way}`, () => outcome(`
    let asked = 0
    service.on('request', () => {
      if (++asked === COUNT) for (const socket of service.socket.clients) socket.terminate()
    })
    for (let i = 0; i < COUNT; i++) {
      peer.request('never', i, { timeout: 10000 }, err => {
        done(i + err.message)
        if (i < 2) throw new Error('mine')
      })
    }
  `, [...[0, 1, 2, 3, 4, 5].map(at => `${at}ERR_TRANSPORT_CLOSE`), 'mine', 'mine']))

  test(`C208: a callback that throws when its destination is dead loses no other, ${way}`, () => outcome(`
    const { port } = service
    service.stop()
    for (let i = 0; i < COUNT; i++) {
      peer.request('never', i, { timeout: 10000 }, err => {
        done(i + err.code)
        if (i < 2) throw new Error('mine')
      })
    }
  `, [...[0, 1, 2, 3, 4, 5].map(at => `${at}ECONNREFUSED`), 'mine', 'mine']))

  test(`C208: without a listener the exception ends the process, ${way}`, async () => {
    const { code, stderr, signal } = await run(`${PEERS}
      for (let i = 0; i < COUNT; i++) peer.request('k', i, () => { throw new TypeError('mine') })
    `, { env })
    assert.deepStrictEqual({ code, signal }, { code: 1, signal: null })
    assert.match(stderr, /TypeError: mine/)
  })

  test(`C208: a throwing listener of a service loses no other request, ${way}`, () => outcome(`
    service.removeAllListeners('request')
    service.on('request', (rid, key, payload, handler) => {
      handler.reply(null, payload)
      if (payload % 2) throw new Error('mine')
    })
    for (let i = 0; i < COUNT; i++) peer.request('k', i, (err, res) => done(err || res))
  `, ['0', '1', '2', '3', '4', '5', 'mine', 'mine', 'mine']))
}
