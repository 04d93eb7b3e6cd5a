'use strict'

// Basic checks for every runtime, one after another. Prints `ok` or `not ok` for each, and ends by
// itself once everything is stopped: nothing here calls process.exit at the end.
//
// This file is run by each runtime itself, so it only uses features that all of them have; it is
// also the child processes and the workers of its own checks.

const assert = require('assert')
const { fork } = require('child_process')
const { once } = require('events')
const { pathToFileURL } = require('url')
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads')
const main = require('../..')
const { certificates } = require('../lib/certificates')
const { freePort } = require('../lib/ports')
const { PeerRPCServer, PeerRPCClient, PeerPub, PeerSub, Link, Grape } = main

const LIMIT = 20000
const TIMEOUT = { timeout: 10000 }
const isNode = !process.versions.bun && !process.versions.deno

const knows = (...dests) => ({ lookup: (key, opts, cb) => cb(null, dests) })

/** Calls a method with a callback; resolves with its result. */
const ask = (object, method, ...args) => new Promise((resolve, reject) => {
  object[method](...args, (err, res) => err ? reject(err) : resolve(res))
})

/** The same for an expected error: resolves with its message. */
const refusal = (...args) => ask(...args).then(() => 'no error', err => err.message)

function serve (conf = {}, onRequest = (rid, key, payload, handler) => handler.reply(null, payload)) {
  const peer = new PeerRPCServer({}, conf)
  peer.init()
  const service = peer.transport('server').listen(0)
  service.on('request', onRequest)
  return { peer, service, dest: `127.0.0.1:${service.port}`, stop: () => peer.stop() }
}

function client (link, conf = {}) {
  const peer = new PeerRPCClient(link, conf)
  peer.init()
  return peer
}

/** A copy of this file in a process of its own; resolves with it and its first message. */
async function start (role) {
  const child = fork(__filename, [role])
  const [message] = await once(child, 'message')
  return { child, message }
}

const CHECKS = {
  async 'loads by require and by import' () {
    const namespace = await import(pathToFileURL(require.resolve('../..')).href)
    for (const name of Object.keys(main)) assert.strictEqual(namespace[name], main[name], name)
  },

  async 'says clearly which drivers there are' () {
    const listen = io => {
      const server = serve({ io })
      server.stop()
    }
    listen('tokio')
    if (isNode) listen('libuv')
    else assert.throws(() => listen('libuv'), /^Error: ERR_IO_UNAVAILABLE: libuv$/)
    assert.throws(() => listen('smoke'), /ERR_OPTION: io is/)
  },

  async 'a grape is announced to, looked up and stores' () {
    const grape = new Grape({ host: '127.0.0.1', dht_port: 0, api_port: 0, embedded: true })
    await ask(grape, 'start')
    const link = new Link({ grape: `http://${grape.address().api}` }).start()
    await ask(link, 'announce', 'some', 1234, {})
    assert.deepStrictEqual(await ask(link, 'lookup', 'some', {}), ['127.0.0.1:1234'])
    const hash = await ask(link, 'put', { v: 'value' })
    assert.strictEqual((await ask(link, 'get', hash)).v, 'value')
    link.stop()
    await ask(grape, 'stop')
  },

  async 'request, reply and map over the embedded grape' () {
    const link = new Link({ grape: 'embedded', grapePort: await freePort() }).start()
    const servers = [serve(), serve()]
    for (const { service } of servers) await ask(link, 'announce', 'echo', service.port, {})
    const peer = client(link)
    const payload = { text: 'ü€𝄞', numbers: [1, -2.5], nothing: null }
    assert.deepStrictEqual(await ask(peer, 'request', 'echo', payload, TIMEOUT), payload)
    assert.deepStrictEqual(await ask(peer, 'map', 'echo', payload, TIMEOUT), [payload, payload])
    assert.strictEqual(await refusal(peer, 'request', 'nobody', 1, TIMEOUT), 'ERR_GRAPE_LOOKUP_EMPTY')
    peer.stop()
    for (const server of servers) server.stop()
    link.stop()
  },

  async 'twenty thousand requests at once' () {
    const server = serve()
    const peer = client(knows(server.dest))
    const answers = await Promise.all(Array.from({ length: 20000 }, (_, at) => ask(peer, 'request', 'k', at, TIMEOUT)))
    assert.ok(answers.every((answer, at) => answer === at))
    peer.stop()
    server.stop()
  },

  async '16 MiB there and back' () {
    const server = serve()
    const peer = client(knows(server.dest))
    const payload = 'x'.repeat(16 * 1024 * 1024)
    assert.ok(await ask(peer, 'request', 'k', payload, TIMEOUT) === payload)
    peer.stop()
    server.stop()
  },

  async 'publish and subscribe' () {
    const peer = new PeerPub({}, {})
    peer.init()
    const service = peer.transport('server').listen(0)
    const subscriber = new PeerSub(knows(`127.0.0.1:${service.port}`), {})
    subscriber.init()
    const got = []
    const all = new Promise(resolve => subscriber.on('message', text => got.push(text) === 3 && resolve()))
    const accepted = once(service.socket, 'connection')
    subscriber.sub('k')
    await accepted
    for (const text of ['1', '2', 'x'.repeat(100000)]) service.pub(text)
    await all
    assert.deepStrictEqual(got, ['1', '2', 'x'.repeat(100000)])
    subscriber.stop()
    peer.stop()
  },

  async 'TLS with certificates of both sides' () {
    const { server: serverParts, client: clientParts, strangerClient } = certificates()
    const asked = []
    const server = serve({ secure: { ...serverParts, verifyClient: () => true } }, (rid, key, payload, handler, cert) => {
      asked.push(cert.subject.CN)
      handler.reply(null, payload)
    })
    if (server.service.socket.address() === null) await once(server.service.socket, 'listening')
    const dest = `127.0.0.1:${server.service.port || server.service.socket.address().port}`
    const peer = client(knows(dest), { secure: clientParts })
    const payload = 'y'.repeat(1024 * 1024)
    assert.ok(await ask(peer, 'request', 'k', payload, TIMEOUT) === payload)
    assert.deepStrictEqual(asked, ['client'])
    const stranger = client(knows(dest), { secure: strangerClient })
    assert.notStrictEqual(await refusal(stranger, 'request', 'k', 1, TIMEOUT), 'no error')
    stranger.stop()
    peer.stop()
    server.stop()
  },

  async 'ERR_TIMEOUT, and the error of a service' () {
    const server = serve({}, (rid, key, payload, handler) => {
      if (payload === 'fail') handler.reply(new Error('ERR_MINE'))
    })
    const peer = client(knows(server.dest))
    assert.strictEqual(await refusal(peer, 'request', 'k', 'wait', { timeout: 100 }), 'ERR_TIMEOUT')
    assert.strictEqual(await refusal(peer, 'request', 'k', 'fail', TIMEOUT), 'ERR_MINE')
    peer.stop()
    server.stop()
  },

  async 'a destination that refuses' () {
    const peer = client(knows(`127.0.0.1:${await freePort()}`))
    assert.match(await refusal(peer, 'request', 'k', 1, TIMEOUT), /ECONNREFUSED/)
    peer.stop()
  },

  async 'a server that is killed' () {
    const { child, message: port } = await start('silent')
    const peer = client(knows(`127.0.0.1:${port}`))
    const waiting = refusal(peer, 'request', 'k', 1, TIMEOUT)
    await once(child, 'message')
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    assert.strictEqual(await waiting, 'ERR_TRANSPORT_CLOSE')
    await ended
    assert.match(await refusal(peer, 'request', 'k', 1, TIMEOUT), /ECONNREFUSED/)
    peer.stop()
  },

  async 'process.exit() right after a reply' () {
    const { child, message: port } = await start('last')
    const ended = once(child, 'exit')
    const peer = client(knows(`127.0.0.1:${port}`))
    assert.strictEqual(await ask(peer, 'request', 'k', 1, TIMEOUT), 'last')
    assert.strictEqual((await ended)[0], 0)
    peer.stop()
  },

  async 'a callback that throws loses no other' () {
    const server = serve()
    const peer = client(knows(server.dest))
    const thrown = once(process, 'uncaughtException')
    const others = Promise.all([1, 2, 3].map(number => {
      if (number === 2) peer.request('k', 0, TIMEOUT, () => { throw new Error('mine') })
      return ask(peer, 'request', 'k', number, TIMEOUT)
    }))
    assert.strictEqual((await thrown)[0].message, 'mine')
    assert.deepStrictEqual(await others, [1, 2, 3])
    peer.stop()
    server.stop()
  },

  async 'a worker thread ends by itself' () {
    const worker = new Worker(__filename, { workerData: 'once' })
    const ended = once(worker, 'exit')
    assert.deepStrictEqual(await once(worker, 'message'), [1])
    assert.deepStrictEqual(await ended, [0])
  },

  async 'worker threads are ended under traffic' () {
    for (let round = 0; round < 3; round++) {
      const workers = [1, 2].map(() => new Worker(__filename, { workerData: 'busy' }))
      await Promise.all(workers.map(worker => once(worker, 'message')))
      await Promise.all(workers.map(worker => worker.terminate()))
    }
  },

  async 'stop answers what was asked' () {
    const { service, peer: server, dest } = serve({}, (rid, key, payload, handler) => {
      setTimeout(() => handler.reply(null, payload), 100)
    })
    const peer = client(knows(dest))
    const asked = once(service, 'request')
    const answer = ask(peer, 'request', 'k', 1, TIMEOUT)
    await asked
    await server.stop({ drain: 5000 })
    assert.strictEqual(await answer, 1)
    peer.stop()
  }
}

/** Roles of this file in a child process or a worker. */
const ROLES = {
  /** Reports a request, and does not reply. */
  silent () {
    process.send(serve({}, () => process.send('asked')).service.port)
  },

  last () {
    process.send(serve({}, (rid, key, payload, handler) => {
      handler.reply(null, 'last')
      process.exit()
    }).service.port)
  },

  async once () {
    const server = serve()
    const peer = client(knows(server.dest))
    parentPort.postMessage(await ask(peer, 'request', 'k', 1, TIMEOUT))
    peer.stop()
    server.stop()
  },

  busy () {
    const peer = client(knows(serve().dest))
    let answered = 0
    const send = () => peer.request('k', { some: 'payload' }, TIMEOUT, () => {
      if (++answered === 500) parentPort.postMessage('busy')
      send()
    })
    for (let i = 0; i < 32; i++) send()
  }
}

function limited (promise) {
  let timer
  const limit = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error('did not end')), LIMIT)
  })
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer))
}

async function run () {
  for (const [name, check] of Object.entries(CHECKS)) {
    try {
      await limited(check())
      console.log(`ok ${name}`)
    } catch (err) {
      console.log(`not ok ${name}`)
      console.log(String(err.stack).replace(/^/gm, '  '))
      process.exitCode = 1
    }
  }
  console.log('# the end')
}

const role = isMainThread ? process.argv[2] : workerData
if (role) ROLES[role]()
else run()
