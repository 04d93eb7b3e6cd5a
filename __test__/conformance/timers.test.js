'use strict'

// In a process whose timers a test has replaced: work goes on, and what is counted in ms is counted by them.

const { test } = require('node:test')
const assert = require('node:assert')
const { freePort } = require('../../scripts/lib/ports')
const { run } = require('../../scripts/lib/child')

/** Without `nextTick`, on which Node's own sockets depend. */
const FAKES = {
  'fake-timers': `
    const FakeTimers = require('@sinonjs/fake-timers')
    const fake = () => {
      const clock = FakeTimers.install({ toNotFake: ['nextTick', 'queueMicrotask'] })
      return { tick: ms => clock.tick(ms), restore: () => clock.uninstall() }
    }`,
  'node:test': `
    const { mock } = require('node:test')
    const fake = () => {
      mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate', 'Date'] })
      return { tick: ms => mock.timers.tick(ms), restore: () => mock.timers.reset() }
    }`
}

/** `turn()` resolves in a later turn of the event loop, whatever is replaced. */
const HEAD = `
const assert = require('assert')
const { bigint } = process.hrtime
const { MessageChannel } = require('worker_threads')
const turn = () => new Promise(resolve => {
  const { port1, port2 } = new MessageChannel()
  port2.once('message', () => { port1.close(); resolve() })
  port1.postMessage(1)
})
const until = async isSo => { while (!isSo()) await turn() }
const loaded = require(process.env.ORIGINAL ? 'grenache-nodejs-ws' : pkg)
const Link = process.env.ORIGINAL ? require('grenache-nodejs-link') : loaded.Link
const { PeerRPCServer, PeerRPCClient, TransportRPCClient } = loaded
const [SERVER, GRAPE] = process.env.PORTS.split(',').map(Number)
const heads = []
const grape = require('http').createServer((req, res) => {
  heads.push(req.url)
  req.resume().on('end', () => { if (req.url !== '/get') res.end('["127.0.0.1:' + SERVER + '"]') })
})
const peers = []
const make = (Class, ...args) => {
  const peer = new Class(...args)
  peer.init()
  peers.push(peer)
  return peer
}
let served = 0
const serve = () => {
  const service = make(PeerRPCServer, {}, {}).transport('server').listen(SERVER)
  service.on('request', (rid, key, payload, handler) => {
    served++
    if (key !== 'silent') handler.reply(null, payload)
  })
}
const client = conf => make(PeerRPCClient, { lookup: (key, opts, cb) => cb(null, ['127.0.0.1:' + SERVER]) }, { maxActiveDestTransports: 1, ...conf })
const asked = (peer, key, payload, opts = {}) => {
  const seen = []
  peer.request(key, payload, opts, (err, res) => seen.push(err ? err.message : res))
  return seen
}
const done = what => { console.log(JSON.stringify(what)); process.exit() }
process.on('unhandledRejection', err => { console.error(err); process.exit(1) })
`

const CASES = {
  'C352: requests are answered': [`
    serve()
    const clock = fake()
    const peer = client()
    for (const payload of [1, 'text', 'x'.repeat(20000)]) {
      const seen = asked(peer, 'key', payload)
      await until(() => seen.length > 0)
      assert.deepStrictEqual(seen, [payload])
    }
    clock.restore()
    done('answered')
  `, '"answered"'],
  'C352: what waits is called back when its client stops': [`
    serve()
    const clock = fake()
    const peer = client()
    const seen = asked(peer, 'silent', 1)
    await until(() => served === 1)
    peer.stop()
    await until(() => seen.length > 0)
    done(seen)
  `, '["ERR_TIMEOUT"]'],
  'C352: a connection that cannot be made is an error': [`
    const clock = fake()
    const seen = asked(client(), 'key', 1)
    await until(() => seen.length > 0)
    done(seen[0].replace(/:\\d+$/, ''))
  `, '"connect ECONNREFUSED 127.0.0.1"', { better: true }],
  'C352: retries without a pause need no timer': [`
    const clock = fake()
    const seen = asked(client(), 'key', 1, { retry: 3 })
    await until(() => seen.length > 0)
    done(seen[0].replace(/:\\d+$/, ''))
  `, '"connect ECONNREFUSED 127.0.0.1"', { better: true }],
  'C353: a request times out when the clock is advanced, and not before': [`
    serve()
    const clock = fake()
    const peer = client()
    const seen = asked(peer, 'silent', 1, { timeout: 500 })
    await until(() => served === 1)
    // Real time in which the timeout would be over.
    const began = bigint()
    await until(() => bigint() - began > 700000000n)
    assert.deepStrictEqual(seen, [])
    // The original looks every ten seconds.
    clock.tick(21000)
    await until(() => seen.length > 0)
    done(seen)
  `, '["ERR_TIMEOUT"]'],
  'C353: so does one that goes through replaced hooks': [`
    class Replaced extends TransportRPCClient {
      format (value) { return super.format(value) }
    }
    serve()
    const clock = fake()
    const peer = client()
    peer.getTransportClass = () => Replaced
    const seen = asked(peer, 'silent', 1, { timeout: 500 })
    await until(() => served === 1)
    clock.tick(21000)
    await until(() => seen.length > 0)
    done(seen)
  `, '["ERR_TIMEOUT"]'],
  'C353: a link announces again when the clock is advanced': [`
    await new Promise(resolve => grape.listen(GRAPE, '127.0.0.1', resolve))
    const clock = fake()
    const link = new Link({ grape: 'http://127.0.0.1:' + GRAPE }).start()
    let first = false
    link.startAnnouncing('key', 1, { interval: 120000 }, () => { first = true })
    await until(() => first)
    assert.strictEqual(heads.length, 1)
    for (let at = 0; at < 4; at++) clock.tick(60000)
    await until(() => heads.length > 1)
    done(heads.slice(0, 2))
  `, '["/announce","/announce"]'],
  'C353: a kept lookup is asked again when the clock is advanced': [`
    await new Promise(resolve => grape.listen(GRAPE, '127.0.0.1', resolve))
    const clock = fake()
    const link = new Link({ grape: 'http://127.0.0.1:' + GRAPE }).start()
    const counts = []
    for (const ms of [1000, 11000, 1]) {
      let found = false
      link.lookup('key', {}, () => { found = true })
      await until(() => found)
      counts.push(heads.length)
      clock.tick(ms)
    }
    done(counts)
  `, '[1,1,2]'],
  'C353: a grape that does not answer is given up when the clock is advanced': [`
    await new Promise(resolve => grape.listen(GRAPE, '127.0.0.1', resolve))
    const clock = fake()
    const link = new Link({ grape: 'http://127.0.0.1:' + GRAPE, requestTimeout: 1000 }).start()
    const seen = []
    link.get('hash', err => seen.push(err.message))
    await until(() => heads.length > 0)
    clock.tick(5000)
    await until(() => seen.length > 0)
    done(seen)
  `, '["ERR_TIMEOUT"]', { better: true }],
  'C352: timers may be replaced and given back while a client is open': [`
    serve()
    const peer = client()
    const clock = fake()
    const first = asked(peer, 'key', 1)
    await until(() => first.length > 0)
    clock.restore()
    const second = asked(peer, 'silent', 2, { timeout: 100 })
    await until(() => second.length > 0)
    const again = fake()
    peers.forEach(peer => peer.stop())
    again.restore()
    // By itself: nothing is left.
    console.log(JSON.stringify([first, second]))
  `, '[[1],["ERR_TIMEOUT"]]', { better: true }]
}

for (const [fakes, fake] of Object.entries(FAKES)) {
  for (const [title, [source, expected, { better } = {}]] of Object.entries(CASES)) {
    for (const name of better ? ['native'] : ['original', 'native']) {
      for (const io of name === 'native' ? ['libuv', 'tokio'] : ['']) {
        test(`${title}, ${fakes} [${name}${io && ' '}${io}]`, async () => {
          const PORTS = [await freePort(), await freePort()].join()
          const env = { PORTS, ORIGINAL: name === 'original' ? '1' : '', GRENACHE_IO: io }
          const { code, stdout, stderr } = await run(`${HEAD}${fake}\n;(async () => {${source}})()`, { env })
          assert.deepStrictEqual({ code, stdout, stderr: stderr.replace(/.*ExperimentalWarning.*\n.*\n/, '') },
            { code: 0, stdout: `${expected}\n`, stderr: '' })
        })
      }
    }
  }
}
