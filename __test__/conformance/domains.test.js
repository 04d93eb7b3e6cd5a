'use strict'

// What a callback throws reaches the domain that it belongs to. In processes of their own, since a domain
// changes what is uncaught in the whole process.

const { test } = require('node:test')
const assert = require('node:assert')
const { freePort } = require('../../scripts/lib/ports')
const { run } = require('../../scripts/lib/child')

/** A server, its client, and a publisher with its subscriber, each made outside of any domain. */
const PEERS = `
const domain = require('domain')
const caught = []
const main = domain.create()
main.on('error', err => {
  caught.push('domain: ' + err.message)
  next()
})
process.on('uncaughtException', err => {
  caught.push('process: ' + err.message)
  next()
})
const { PeerRPCServer, PeerRPCClient, PeerPub, PeerSub } = require(process.env.ORIGINAL ? 'grenache-nodejs-ws' : pkg)
const link = port => ({ lookup: (key, opts, cb) => cb(null, ['127.0.0.1:' + port]) })
const [, SERVER, PUBLISHER] = process.env.PORTS.split(',').map(Number)
const made = []
const make = (Class, ...args) => {
  const peer = new Class(...args)
  peer.init()
  made.push(peer)
  return peer
}
const client = make(PeerRPCClient, link(SERVER), { maxActiveDestTransports: 1 })
const serve = act => {
  const service = make(PeerRPCServer, {}, {}).transport('server').listen(SERVER)
  service.on('request', act)
  return service
}
let next = () => {
  console.log(caught.sort().join())
  process.exit()
}
`

const CASES = {
  'a request': [`
    serve((rid, key, payload, handler) => handler.reply(null, payload))
    main.run(() => client.request('key', 1, { timeout: 5000 }, () => { throw new Error('mine') }))
  `, 'domain: mine'],
  'each of several requests': [`
    serve((rid, key, payload, handler) => handler.reply(null, payload))
    const end = next
    next = () => caught.length === 3 && end()
    for (const name of ['a', 'b']) main.run(() => client.request('key', 1, { timeout: 5000 }, () => { throw new Error(name) }))
    client.request('key', 1, { timeout: 5000 }, () => { throw new Error('c') })
  `, 'domain: a,domain: b,process: c', { better: true }],
  'a request that fails': [`
    main.run(() => client.transport('127.0.0.1:' + SERVER).request('key', 1, { timeout: 5000 }, () => { throw new Error('mine') }))
  `, 'domain: mine', { better: true }],
  'a map': [`
    serve((rid, key, payload, handler) => handler.reply(null, payload))
    main.run(() => client.map('key', 1, { timeout: 5000 }, () => { throw new Error('mine') }))
  `, 'domain: mine'],
  'a request that finds nothing': [`
    client.link = { lookup: (key, opts, cb) => setImmediate(cb, new Error('nothing')) }
    main.run(() => client.request('key', 1, {}, () => { throw new Error('mine') }))
  `, 'domain: mine'],
  'a listener of requests': [`
    main.run(() => serve(() => { throw new Error('mine') }))
    client.request('key', 1, { timeout: 1000 }, () => {})
  `, 'domain: mine'],
  'a listener of messages': [`
    const publisher = make(PeerPub, {}, {}).transport('server').listen(PUBLISHER)
    publisher.socket.once('connection', () => publisher.pub('x'))
    main.run(() => {
      const subscriber = make(PeerSub, link(PUBLISHER), {})
      subscriber.on('message', () => { throw new Error('mine') })
      subscriber.sub('key')
    })
  `, 'domain: mine'],
  'a listener of a socket': [`
    serve((rid, key, payload, handler) => handler.reply(null, payload))
    main.run(() => {
      const transport = client.transport('127.0.0.1:' + SERVER)
      transport.connect()
      transport.socket.on('open', () => { throw new Error('mine') })
    })
  `, 'domain: mine'],
  'a lookup': [`
    const grape = require('http').createServer((req, res) => req.resume().on('end', () => res.end('["127.0.0.1:1"]')))
    grape.listen(PUBLISHER, '127.0.0.1', () => {
      const Link = require(pkg).Link
      const link = new Link({ grape: 'http://127.0.0.1:' + PUBLISHER, throwInCallbacks: true }).start()
      main.run(() => link.lookup('key', {}, () => { throw new Error('mine') }))
    })
  `, 'domain: mine', { better: true }]
}

for (const [title, [source, expected, { better } = {}]] of Object.entries(CASES)) {
  for (const name of better ? ['native'] : ['original', 'native']) {
    for (const io of name === 'native' ? ['libuv', 'tokio'] : ['']) {
      test(`C351: what the callback of ${title} throws reaches its domain [${name}${io && ' '}${io}]`, async () => {
        const PORTS = [0, await freePort(), await freePort()].join()
        const env = { PORTS, ORIGINAL: name === 'original' ? '1' : '', GRENACHE_IO: io }
        const { code, stdout, stderr } = await run(PEERS + source, { env })
        assert.deepStrictEqual({ code, stdout, stderr }, { code: 0, stdout: `${expected}\n`, stderr: '' })
      })
    }
  }
}
