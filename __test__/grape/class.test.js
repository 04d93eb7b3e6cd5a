'use strict'

// The class Grape: starting, stopping, events, ages.

const assert = require('node:assert')
const dgram = require('dgram')
const { once, EventEmitter } = require('events')
const fs = require('fs')
const http = require('http')
const os = require('os')
const path = require('path')
const { call, classes, grapes } = require('../helpers/grapes/pair')
const { exchange } = require('../../scripts/lib/grape-api')
const { limited, run } = require('../../scripts/lib/child')
const { freePort, freeUdpPort } = require('../../scripts/lib/ports')
const { keys } = require('../helpers/grapes/signed')

const freeConf = async conf => ({ dht_port: await freeUdpPort(), api_port: await freePort(), ...conf })

/** Starts a grape that is stopped after the test. */
async function started (t, Grape, conf) {
  const grape = new Grape(await freeConf(conf))
  t.after(() => call(grape, 'stop'))
  assert.ifError((await call(grape, 'start')).err)
  return grape
}

classes('C250: a grape is an EventEmitter; it starts, also twice, and stops, also unstarted', async ({ Grape }) => {
  const grape = new Grape(await freeConf())
  assert(grape instanceof EventEmitter)
  for (const method of ['stop', 'start', 'start', 'stop', 'stop', 'start', 'stop']) {
    assert.ifError((await call(grape, method)).err)
  }
})

classes('C280: the ports of a grape are free when stop returns', async ({ Grape, t }) => {
  const conf = await freeConf()
  let grape = new Grape(conf)
  t.after(() => call(grape, 'stop'))
  assert.ifError((await call(grape, 'start')).err)
  for (let i = 0; i < 20; i++) {
    grape.stop()
    grape = new Grape(conf)
    assert.ifError((await call(grape, 'start')).err)
  }
})

classes('C251: without api_port start hands back ERR_NO_PORT', async ({ Grape }) => {
  const grape = new Grape({ dht_port: await freeUdpPort() })
  assert.strictEqual((await call(grape, 'start')).err.message, 'ERR_NO_PORT')
  await call(grape, 'stop')
})

classes('C252: a DHT port in use is an error with Node\'s code and syscall', async ({ Grape, t }) => {
  const socket = dgram.createSocket('udp4').bind(0)
  t.after(() => socket.close())
  await once(socket, 'listening')
  const grape = new Grape(await freeConf({ dht_port: socket.address().port }))
  const { err } = await call(grape, 'start')
  assert.strictEqual(err.code, 'EADDRINUSE')
  assert.strictEqual(err.syscall, 'bind')
  assert.strictEqual(err.message, `bind EADDRINUSE 0.0.0.0:${socket.address().port}`)
  // The original's goes on without its port, and its timers would keep this process alive.
}, { better: true })

classes('C253: an API port in use is an error too', async ({ Grape, t }) => {
  const first = await started(t, Grape)
  const { err } = await call(new Grape(await freeConf({ api_port: first.conf.api_port })), 'start')
  assert.strictEqual(err.code, 'EADDRINUSE')
  assert.strictEqual(err.port, first.conf.api_port)
}, { better: true })

grapes('C254: who listens in the tick of an announce hears of it', async ({ grapes: [first, second] }) => {
  for (let round = 0; round < 20; round++) {
    const announced = call(first, 'announce', `once ${round}`, 5000)
    const heard = once(second, 'announce')
    assert.deepStrictEqual(await limited(heard, 'an event'), [`once ${round}`])
    assert.ifError((await announced).err)
  }
})

classes('C254: who listens before a grape starts, or in that tick, hears of each node', async ({ Grape, t }) => {
  const known = await started(t, Grape)
  for (let round = 0; round < 10; round++) {
    const grape = new Grape(await freeConf({ dht_bootstrap: [`127.0.0.1:${known.conf.dht_port}`] }))
    const before = once(grape, 'node')
    const start = call(grape, 'start')
    const after = once(grape, 'node')
    await limited(Promise.all([before, after]), 'an event')
    assert.ifError((await start).err)
    await call(grape, 'stop')
  }
})

grapes('C254: the events node, peer and announce tell what happens', async ({ grapes: [first, second] }) => {
  const announced = once(second, 'announce')
  const found = once(second, 'peer')
  assert.strictEqual((await call(first, 'announce', 'a name', 1337)).res, 1)
  assert.deepStrictEqual(await announced, ['a name'])
  assert.deepStrictEqual((await call(second, 'lookup', 'a name')).res, ['127.0.0.1:1337'])
  assert.deepStrictEqual(await found, ['127.0.0.1:1337'])
})

classes('C255: a grape emits listening, and ready once it has looked around', async ({ Grape, t }) => {
  const grape = new Grape(await freeConf())
  t.after(() => call(grape, 'stop'))
  const events = []
  grape.on('listening', () => events.push('listening'))
  const ready = once(grape, 'ready').then(() => events.push('ready'))
  await call(grape, 'start')
  await ready
  assert.deepStrictEqual(events.sort(), ['listening', 'ready'])
})

classes('C256: an isolated grape keeps what is announced and put through it, the original\'s nothing', async ({ name, Grape, t }) => {
  const grape = await started(t, Grape)
  assert.deepStrictEqual((await call(grape, 'lookup', 'key')).res, [])
  const announced = await call(grape, 'announce', 'key', 1337)
  const put = await call(grape, 'put', { v: 'a' })
  if (name === 'original') {
    assert.deepStrictEqual([announced, put].map(({ err }) => err.message), Array(2).fill('No nodes to query'))
  } else {
    assert.deepStrictEqual(announced, { err: null, res: 1 })
    assert.strictEqual((await call(grape, 'get', put.res)).res.v, 'a')
  }
  assert.deepStrictEqual((await call(grape, 'lookup', 'other')).res, [])
})

for (const host of [undefined, '127.0.0.1', '0.0.0.0']) {
  const fact = host === '0.0.0.0' ? 'C391: a grape bound to 0.0.0.0' : 'C390: a grape'
  classes(`${fact} whose bootstrap is itself finds what was announced through it${host === '127.0.0.1' ? ' (host)' : ''}`, async ({ Grape, t }) => {
    const conf = await freeConf({ host })
    const grape = await started(t, Grape, { ...conf, dht_bootstrap: [`127.0.0.1:${conf.dht_port}`] })
    const heard = once(grape, 'announce')
    assert.deepStrictEqual(await call(grape, 'announce', 'key', 1337), { err: null, res: 1 })
    assert.deepStrictEqual(await heard, ['key'])
    assert((await call(grape, 'lookup', 'key')).res.includes('127.0.0.1:1337'))
  })
}

classes('C522: a program may call a grape on loopback 0.0.0.0', async ({ Grape, t }) => {
  const { conf: { api_port: port } } = await started(t, Grape, { host: '127.0.0.1' })
  const body = JSON.stringify({ rid: 'rid', data: 'key' })
  const request = http.request({ host: '127.0.0.1', port, path: '/lookup', method: 'POST', headers: { host: `0.0.0.0:${port}`, 'content-length': body.length } })
  request.end(body)
  const [response] = await once(request, 'response')
  response.resume()
  assert.strictEqual(response.statusCode, 200)
})

/** What is no `host:port`. The original tries the first two as names. */
const BAD_ENTRIES = ['"127.0.0.1:1"', '\'127.0.0.1:1\',', '127.0.0.1', '127.0.0.1:99999', {}, '']

classes('C392: a bootstrap entry that is no host:port does not keep a grape from starting', async ({ Grape, t }) => {
  const known = await started(t, Grape)
  const grape = new Grape(await freeConf({ dht_bootstrap: [...BAD_ENTRIES.slice(0, 2), `127.0.0.1:${known.conf.dht_port}`] }))
  t.after(() => call(grape, 'stop'))
  const heard = once(grape, 'node')
  assert.ifError((await call(grape, 'start')).err)
  await heard
})

classes('C393: a bootstrap entry that is no host:port is an event warning that names it', async ({ Grape, t }) => {
  for (const entry of BAD_ENTRIES.slice(0, 5)) {
    const grape = new Grape(await freeConf({ dht_bootstrap: [entry] }))
    const heard = once(grape, 'warning')
    assert.ifError((await call(grape, 'start')).err)
    const named = typeof entry === 'string' ? entry.replace(/,$/, '') : 'undefined:undefined'
    assert.deepStrictEqual(await heard, [`dht_bootstrap: ERR_DEST_INVALID: ${named}`])
    await call(grape, 'stop')
  }
}, { better: true })

classes('C384: start calls back without arguments, and get of nothing with one', async ({ Grape, t }) => {
  const grape = new Grape(await freeConf({ host: '127.0.0.1' }))
  t.after(() => call(grape, 'stop'))
  const told = start => new Promise(resolve => start((...args) => resolve(args)))
  assert.deepStrictEqual(await told(cb => grape.start(cb)), [])
  assert.deepStrictEqual(await told(cb => grape.start(cb)), [])
  const found = await told(cb => grape.get('aa'.repeat(20), cb))
  assert.deepStrictEqual([found.length, !!found[0]], [1, false])
})

classes('C385: str2buf reads a JSON text of bytes, or else the text itself', async ({ Grape }) => {
  const grape = new Grape(await freeConf())
  for (const [args, bytes] of [
    [[JSON.stringify(Buffer.from('abc'))], 'abc'], [['[97,98]'], 'ab'], [['abc'], 'abc'], [['6162', 'hex'], 'ab'], [['ü'], 'ü']
  ]) {
    assert.strictEqual(grape.str2buf(...args).toString(), bytes, args[0])
  }
})

grapes('C394: a grape has str2hex and hex2str, and a node that takes names in hex', async ({ grapes: [first, second] }) => {
  const name = 'ünïcode key'
  const hex = first.str2hex(name)
  assert.strictEqual(hex, Buffer.from(name).toString('hex'))
  assert.strictEqual(first.hex2str(hex), name)
  const heard = once(second, 'announce')
  const { err, res } = await call(first.node, 'announce', hex, 1337)
  assert.deepStrictEqual([err, res], [null, 1])
  assert.deepStrictEqual(await heard, [name])
  const peer = once(second, 'peer')
  assert.strictEqual((await call(second.node, 'lookup', hex)).err, null)
  assert.deepStrictEqual(await peer, ['127.0.0.1:1337'])
  await call(first, 'stop')
  assert.strictEqual(first.node, undefined)
})

classes('C395: _interface.http says where the API is, and _active whether the grape runs', async ({ Grape, t }) => {
  const grape = new Grape(await freeConf({ host: '127.0.0.1' }))
  assert.deepStrictEqual([grape._active, grape._interface], [false, {}])
  assert.ifError((await call(grape, 'start')).err)
  assert.deepStrictEqual([grape._active, grape._interface.http.listening], [true, true])
  assert.deepStrictEqual(grape._interface.http.address(), { address: '127.0.0.1', family: 'IPv4', port: grape.conf.api_port })
  const { http } = grape._interface
  await call(grape, 'stop')
  assert.deepStrictEqual([grape._active, grape._interface, http.address()], [false, {}, null])
})

classes('a subclass may announce and look up by the node', async ({ Grape, t }) => {
  class ByNode extends Grape {
    announce (key, port, cb) { this.node.announce(this.str2hex(key), port, cb) }
  }
  const conf = await freeConf()
  const grape = await started(t, ByNode, { ...conf, dht_bootstrap: [`127.0.0.1:${conf.dht_port}`] })
  assert.deepStrictEqual(await call(grape, 'announce', 'key', 1337), { err: null, res: 1 })
})

grapes('put and get of a grape\'s node take and give bytes', async ({ grapes: [first, second] }) => {
  const { res: hash } = await call(first.node, 'put', { v: 'value' })
  assert(Buffer.isBuffer(hash))
  assert.strictEqual((await call(second.node, 'get', hash)).res.v, 'value')
  assert.strictEqual(first.node.address().port, first.conf.dht_port)
}, { better: true })

classes('an isolated grape keeps what is announced through it, for its own machine', async ({ Grape, t }) => {
  const nobody = `127.0.0.1:${await freeUdpPort()}`
  for (const conf of [{}, { dht_bootstrap: [nobody] }]) {
    const grape = await started(t, Grape, conf)
    await call(grape, 'announce', 'key', 1337)
    assert.deepStrictEqual((await call(grape, 'lookup', 'key')).res, ['127.0.0.1:1337'])
    await call(grape, 'unannounce', 'key', 1337)
    assert.deepStrictEqual((await call(grape, 'lookup', 'key')).res, [])
  }
}, { better: true })

classes('C257: a grape with a host stores its own announces under that host', async ({ Grape, name, t }) => {
  const [one, other] = [await freeUdpPort(), await freeUdpPort()]
  const conf = { host: '127.0.0.1' }
  const first = await started(t, Grape, { ...conf, dht_port: one, dht_bootstrap: [`127.0.0.1:${other}`] })
  const second = await started(t, Grape, { ...conf, dht_port: other, dht_bootstrap: [`127.0.0.1:${one}`] })
  await once(second, 'ready')
  const announced = once(first, 'announce')
  await call(first, 'announce', 'own', 1337)
  assert.deepStrictEqual(await announced, ['own'])
})

grapes('C258: announced addresses age out after about dht_peer_maxAge', async ({ grapes: [first, second] }) => {
  await call(first, 'announce', 'old', 1337)
  assert.deepStrictEqual((await call(second, 'lookup', 'old')).res, ['127.0.0.1:1337'])
  const end = Date.now() + 10000
  while ((await call(second, 'lookup', 'old')).res.length > 0) {
    assert(Date.now() < end, 'it is still there')
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}, { conf: { dht_peer_maxAge: 300 } })

grapes('C259: put and get take Buffers, and a sign function', async ({ grapes: [first, second] }) => {
  const { k, privateKey } = keys()
  const sign = message => require('crypto').sign(null, message, privateKey)
  const signed = { v: Buffer.from('hello'), k, seq: 1, salt: Buffer.from('salt'), sign }
  const { err, res: hash } = await call(first, 'put', signed)
  assert.ifError(err)
  const { res } = await call(second, 'get', { hash: Buffer.from(hash, 'hex'), salt: Buffer.from('salt') })
  assert.strictEqual(res.v, 'hello')
  assert.strictEqual(res.k, k.toString('hex'))
})

classes('C260: a stopped grape answers ERR_GRAPE_STOPPED', async ({ Grape, t }) => {
  const grape = await started(t, Grape)
  await call(grape, 'stop')
  assert.strictEqual((await call(grape, 'lookup', 'key')).err.message, 'ERR_GRAPE_STOPPED')
  assert.strictEqual(grape.address(), null)
}, { better: true })

classes('C261: with a host both ports are bound to it', async ({ Grape, t }) => {
  const grape = await started(t, Grape, { host: '127.0.0.1', dht_port: 0 })
  const { dht, api } = grape.address()
  assert.match(dht, /^127\.0\.0\.1:[1-9]\d*$/)
  assert.strictEqual(api, `127.0.0.1:${grape.conf.api_port}`)
}, { better: true })

classes('C262: the dht_state file keeps the id and the nodes over a restart', async ({ Grape, t }) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grape-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  const state = path.join(folder, 'state')
  const other = await started(t, Grape)
  const id = async grape => (await exchange(`http://127.0.0.1:${grape.conf.api_port}/status`)).answer.id

  const before = new Grape(await freeConf({ dht_state: state, dht_bootstrap: [`127.0.0.1:${other.conf.dht_port}`] }))
  assert.ifError((await call(before, 'start')).err)
  await once(before, 'ready')
  const own = await id(before)
  await call(before, 'stop')
  assert.deepStrictEqual(JSON.parse(fs.readFileSync(state)), { id: own, nodes: [`127.0.0.1:${other.conf.dht_port}`] })
  assert.deepStrictEqual(fs.readdirSync(folder), ['state'])

  // Without bootstrap nodes it finds the network again.
  const after = await started(t, Grape, { dht_state: state })
  await once(after, 'ready')
  assert.strictEqual(await id(after), own)
  assert.strictEqual((await call(after, 'announce', 'key', 1)).res, 1)
}, { better: true })

classes('C263: a damaged dht_state file is reported and ignored', async ({ Grape, t }) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grape-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  const state = path.join(folder, 'state')
  fs.writeFileSync(state, '{"id":')
  const grape = new Grape(await freeConf({ dht_state: state }))
  t.after(() => call(grape, 'stop'))
  const warned = once(grape, 'warning')
  assert.ifError((await call(grape, 'start')).err)
  assert.match((await warned)[0], /state file .* is ignored/)
  await call(grape, 'stop')
  assert.match(JSON.parse(fs.readFileSync(state)).id, /^[0-9a-f]{40}$/)
}, { better: true })

grapes('C264: datagrams of any kind and number do no harm', async ({ grapes: [first, second], dht, t }) => {
  const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1')
  t.after(() => socket.close())
  await once(socket, 'listening')
  const bad = [
    '', 'd', 'de', 'i5e', 'd1:t0:1:y1:qe', 'd1:ad2:id3:abce1:q4:ping1:t2:ab1:y1:qe', 'l'.repeat(60000),
    'd1:ad2:id20:aaaaaaaaaaaaaaaaaaaa9:info_hash3:key4:porti1e5:token8:xxxxxxxxe1:q13:announce_peer1:t2:ab1:y1:qe',
    'd1:ad2:id20:aaaaaaaaaaaaaaaaaaaa5:tokeni5e1:v1:ae1:q3:put1:t2:ab1:y1:qe',
    'd1:rd2:id20:aaaaaaaaaaaaaaaaaaaae1:t4:abcd1:y1:re', 'd1:eli1e1:xe1:t4:abcd1:y1:ee', '\xff\xfe'
  ].map(text => Buffer.from(text, 'latin1'))
  const warned = once(first, 'warning')
  for (let at = 0; at < 20000; at++) socket.send(bad[at % bad.length], dht[0], '127.0.0.1')
  await warned
  assert.strictEqual((await call(second, 'announce', 'key', 1337)).res, 1)
  assert.deepStrictEqual((await call(first, 'lookup', 'key')).res, ['127.0.0.1:1337'])
}, { better: true })

classes('C265: register puts Grape in the place of grenache-grape', async () => {
  const register = path.join(__dirname, '..', '..', 'register.js')
  const { code, stdout, stderr } = await run(`
    const { Grape } = require('grenache-grape')
    const ours = require(pkg).Grape
    console.log(Grape === ours, require('grenache-grape/lib/Grape') === ours)`, { args: ['--require', register] })
  assert.deepStrictEqual([code, stdout, stderr], [0, 'true true\n', ''])
}, { better: true })

classes('C266: a running grape keeps the process alive until stop, and a worker may end with one', async () => {
  const { code, stdout, stderr } = await limited(run(`
    const { Worker, isMainThread } = require('worker_threads')
    const { Grape } = require(pkg)
    const source = 'const { Grape } = require(' + JSON.stringify(pkg) + '); ' +
      'new Grape({ dht_port: 0, api_port: 0 }).start(() => process.exit())'
    new Worker(source, { eval: true }).on('exit', () => {
      const grape = new Grape({ dht_port: 0, api_port: 0 })
      grape.start(err => {
        console.log('started', err)
        setTimeout(() => grape.stop(() => console.log('stopped')), 100).unref()
      })
    })`), 'the process')
  assert.deepStrictEqual([code, stdout, stderr], [0, 'started undefined\nstopped\n', ''])
}, { better: true })
