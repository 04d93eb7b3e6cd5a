'use strict'

// Publishers that cannot be reached: what they cost a subscriber, with others and without.

const assert = require('node:assert')
const { once } = require('node:events')
const net = require('node:net')
const { call, each } = require('../helpers/conformance')
const { startServer, until, wait } = require('../helpers/peers/faulty')
const { freePort } = require('../../scripts/lib/ports')
const { fail, standIn, startLink } = require('../helpers/grapes/stand-in')
const { told } = require('../helpers/peers/subscribers')

/** The address of a process whose system has no room for another connection: nothing answers. */
async function silentDest (stage) {
  const server = await startServer(stage)
  server.signal('SIGSTOP')
  for (let isFull = false; !isFull;) {
    const socket = net.connect(server.port, '127.0.0.1')
    stage.after(() => socket.destroy())
    isFull = await Promise.race([once(socket, 'connect').then(() => false), wait(500).then(() => true)])
  }
  return server.dest
}

/** An address that hangs up on everybody; `dials` is how often it was dialled. */
async function deadAddress (stage) {
  const dead = { dials: 0 }
  const server = net.createServer(socket => {
    dead.dials++
    socket.destroy()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  dead.port = server.address().port
  dead.dest = `127.0.0.1:${dead.port}`
  dead.close = () => server.listening && new Promise(resolve => server.close(resolve))
  stage.after(dead.close)
  return dead
}

/** Publishes at a port that was another's. */
function publishAt (stage, implementation, port) {
  const peer = new implementation.PeerPub({}, {})
  peer.init()
  stage.after(() => peer.stop())
  return peer.transport('server').listen(port)
}

each('C356: of several publishers one that does not answer costs 3 s, and is left out by all subscriptions', async ({ implementation, stage }) => {
  const silent = await silentDest(stage)
  const service = await stage.publisher(implementation)
  const dests = [silent, service.dest]
  const peer = stage.subscriber(implementation, dests)
  const chosenOf = []
  // The worst luck.
  peer.dest = dests => chosenOf.push(dests) && dests[0]
  const since = performance.now()
  peer.sub('one')
  await told(peer, 'connected')
  const ms = performance.now() - since
  assert.ok(ms > 2900 && ms < 5000, `${ms} ms`)
  assert.deepStrictEqual(chosenOf, [dests, [service.dest]])
  const again = told(peer, 'connected')
  const began = performance.now()
  peer.sub('two')
  await again
  assert.ok(performance.now() - began < 1000)
}, { better: true })

each('C357: an address that cannot be reached is dialled by one subscription of a peer for all', async ({ implementation, stage }) => {
  const dead = await deadAddress(stage)
  const peer = stage.subscriber(implementation, dead.dest)
  const keys = Array.from({ length: 10 }, (_, at) => `key${at}`)
  for (const key of keys) peer.sub(key)
  peer.sub('all of them', { all: true })
  await until(() => dead.dials === 11)
  await wait(3000)
  // After 0.05 s, 0.1 s, ...: eight times at most, where each of its own would be 40.
  assert.ok(dead.dials - 11 >= 2 && dead.dials - 11 <= 8, `${dead.dials - 11} times`)
  await dead.close()
  const connected = []
  peer.on('connected', () => connected.push(performance.now()))
  publishAt(stage, implementation, dead.port)
  await until(() => connected.length === 11)
  // Who waited longer hears of the first one.
  assert.ok(connected[10] - connected[0] < 1000, `${connected[10] - connected[0]} ms`)
}, { better: true })

each('C356: who subscribes by hand connects at once', async ({ implementation, stage }) => {
  const dead = await deadAddress(stage)
  const peer = stage.subscriber(implementation, dead.dest, { reconnect: false })
  for (let at = 1; at <= 5; at++) {
    const lost = told(peer, 'disconnected')
    peer.sub('key')
    await lost
    assert.strictEqual(dead.dials, at)
  }
}, { better: true })

each('C356: where all publishers failed the one that waits least is tried, and one that was never tried before them', async ({ implementation, stage }) => {
  const [one, other] = [await deadAddress(stage), await deadAddress(stage)]
  const peer = stage.subscriber(implementation, [one.dest, other.dest])
  peer.sub('key')
  await until(() => one.dials > 0 && other.dials > 0)
  await until(() => one.dials + other.dials >= 4)
  assert.ok(Math.abs(one.dials - other.dials) <= 2, `${one.dials} ${other.dials}`)
  await other.close()
  const connected = told(peer, 'connected')
  publishAt(stage, implementation, other.port)
  await connected
}, { better: true })

each('C358: while no grape can be asked, subscribers and maps go to the addresses that were found last', async ({ implementation, stage }) => {
  const services = [await stage.serve(implementation), await stage.serve(implementation)]
  const publishers = [await stage.publisher(implementation), await stage.publisher(implementation)]
  let works = true
  const grape = await standIn(stage, (request, res) => {
    if (!works) return fail(503, 'ERR_BUSY')(request, res)
    return (request.data === 'served' ? services : publishers).map(({ dest }) => dest)
  })
  const link = startLink(stage, implementation, [grape.url, `http://127.0.0.1:${await freePort()}`], { lruMaxAgeLookup: 1 })
  const [client, peer] = [stage.client(implementation, []), stage.subscriber(implementation, [])]
  client.link = peer.link = link
  const map = async () => (await call(client, 'map', 'served', 'x', { settled: true, timeout: 5000 })).res
  const connected = told(peer, 'connected')
  peer.sub('published')
  await connected
  assert.strictEqual((await map()).length, 2)
  works = false
  await wait(10)
  const all = await map()
  assert.deepStrictEqual(all.map(({ status }) => status), ['fulfilled', 'fulfilled'])
  // Its publisher is gone: it goes to the other one.
  const left = publishers.find(({ socket }) => socket.clients.size > 0)
  const again = told(peer, 'connected')
  left.stop()
  await again
  const message = once(peer, 'message')
  publishers.find(publisher => publisher !== left).pub('still heard')
  assert.deepStrictEqual(await message, ['still heard'])
  // And to one that failed no more: that is what the others are asked for.
  services[0].stop()
  await until(async () => (await call(client, 'map', 'served', 'x', { timeout: 5000 })).res?.length === 1)
}, { better: true })
