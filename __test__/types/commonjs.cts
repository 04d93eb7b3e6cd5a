// Compiled, never run: the types as a CommonJS service uses them.

import grenache = require('grenache-nodejs-ws-native')
import Link = require('grenache-nodejs-ws-native/link')
import crypto = require('crypto')
import testing = require('grenache-nodejs-ws-native/testing')
import diagnostics = require('diagnostics_channel')
import fs = require('fs')
import util = require('util')
import LibClient = require('grenache-nodejs-ws-native/lib/PeerRPCClient')
import LibServer = require('grenache-nodejs-ws-native/lib/TransportRPCServer.js')

const { PeerRPCClient, PeerRPCServer, PeerPub, PeerSub } = grenache

const link: Link = new Link({ grape: 'http://127.0.0.1:30001', requestTimeout: 1000 })
const chained: Link = link.start().stop()
link.on('connect', () => {})

// Server

const server = new PeerRPCServer(link, { timeout: 300000 })
server.init()
const service = server.transport('server')
service.listen(1337).on('request', (rid, key, payload, handler, cert) => {
  const fingerprint: string | undefined = cert?.fingerprint
  handler.reply(null, { rid: rid.length, key, payload, fingerprint })
  handler.reply(new Error('no'))
  // @ts-expect-error a text would be lost
  handler.reply('no')
  // @ts-expect-error the rid is a string
  rid.toFixed()
})
service.once('request-error', () => {})
service.on('error', err => err.message)
// @ts-expect-error `request-error` has no arguments
service.on('request-error', (err: Error) => err)
// @ts-expect-error the port is a number
service.listen('1337')
// @ts-expect-error the rid comes first, and is a string
service.on('request', (rid: number) => rid)

server.listen(1338).on('request-error', () => {})
const own: number | undefined = server.port
server.port = 1339
// @ts-expect-error only a publisher publishes
server.pub('news')

interface Sum { a: number, b: number }
const onSum: grenache.RequestListener<Sum, number> = (rid, key, { a, b }, handler) => {
  handler.reply(null, a + b)
  // @ts-expect-error this service answers with a number
  handler.reply(null, 'three')
}
service.on('request', onSum)
link.startAnnouncing('sum', service.port, { interval: 60000 }, err => console.log(err))
link.stopAnnouncing('sum', service.port)

if (service.socket) {
  service.socket.on('connection', (socket, req) => {
    console.log(req.headers, socket.readyState === socket.OPEN, socket.bufferedAmount)
    socket.on('message', data => typeof data === 'string' ? data : data.toString('hex'))
    socket.on('close', (code, reason) => console.log(code.toFixed(), reason.length))
    socket.send('text')
    socket.send(Buffer.from('x'), { binary: true }, err => console.log(err))
    socket.ping('', false, () => {})
    socket.close(1000, 'bye')
    socket.terminate()
  })
  for (const socket of service.socket.clients) socket.terminate()
  console.log(service.socket.address())
  service.socket.close(() => {})
}

// Client

const client = new PeerRPCClient(link, { maxActiveKeyDests: 2, requestTimeout: 5000 })
client.init()
// @ts-expect-error only servers listen
client.listen(1340)
client.request('sum', { a: 1, b: 2 }, { timeout: 10000, retry: 2 }, (err, data) => {
  if (err) console.error(err.message)
  console.log(data.anything)
})
client.request<number, Sum>('sum', { a: 1, b: 2 }, (err, sum) => console.log(err, sum.toFixed()))
client.map<number>('sum', { a: 1, b: 2 }, { limit: 3 }, (err, sums) => console.log(err, sums[0].toFixed()))
client.map('sum', null, (err, all) => console.log(err, all.length))
console.log(client.tpool.list('127.0.0.1:1').length, client.tpool.getActive('127.0.0.1:1')[0].isConnected())
client.stream('sum', {}).on('error', () => {})
client.stop()
const drained: Promise<void> = client.stop({ drain: 1000 })
// @ts-expect-error the timeout is a number of ms
client.request('sum', null, { timeout: '10s' }, () => {})
// @ts-expect-error there is no such option
client.request('sum', null, { timeOut: 1 }, () => {})
client.request('sum', null, { timeout: '5000', maxActiveDestTransports: null }, () => {})
const numbered = new PeerRPCClient(link, { maxPayload: '1e6', requestTimeout: false, maxRequests: '' })
// @ts-expect-error the limit is a number of bytes
const united = new PeerRPCClient(link, { maxPayload: '1kb' })
// @ts-expect-error the payload was promised to be a Sum
client.request<number, Sum>('sum', { a: 1 }, () => {})
// @ts-expect-error a key is needed
client.request({ key: 'sum' }, null, () => {})
// @ts-expect-error a link is needed
const unlinked = new PeerRPCClient({})

// One class by itself

const libClient: LibClient = new LibClient(link, {})
class LibService extends LibServer {}
const isThere: boolean = libClient.isStopped && new LibService(null).isListening()
libClient.on('mine', () => {}).off('mine', () => {})
link.addListener('connect', () => {}).prependOnceListener('connect', () => {}).off('connect', () => {})
// @ts-expect-error `connect` has no arguments, by whichever name it is listened for
link.addListener('connect', (what: string) => what)

// Promises, signals and disposal

const abort = new AbortController()
async function modern (): Promise<void> {
  const sum: number = await client.request<number, Sum>('sum', { a: 1, b: 2 })
  const sums: number[] = await client.map<number>('sum', { a: 1, b: 2 }, { limit: 3, signal: abort.signal })
  const any = await client.request('sum', null, { timeout: 1000, signal: abort.signal })
  console.log(sum.toFixed(), sums[0].toFixed(), any.anything)
  const one: number = await client.transport('127.0.0.1:1').request<number>('sum', null, { signal: abort.signal })
  const dests: string[] = await link.promises.lookup('sum', { signal: abort.signal })
  const hash: string = await link.promises.put({ v: 1 }, { timeout: 1 })
  const started: boolean = await link.promises.startAnnouncing('sum', 1337, { interval: 1000 })
  console.log(one.toFixed(), dests[0].length, (await link.promises.get<{ v: string }>(hash)).v, started)
  await link.promises.announce('sum', 1337)
  const stopped: boolean = await link.promises.stopAnnouncing('sum', 1337)
  console.log(stopped)
  // @ts-expect-error a signal does not end announcing again and again
  await link.promises.startAnnouncing('sum', 1337, { signal: abort.signal })
  // @ts-expect-error a signal, not its controller
  await client.request('sum', null, { signal: abort })
  // @ts-expect-error there is no Promise with a callback
  client.request('sum', null, () => {}).then(() => {})
  await client[Symbol.asyncDispose]()
  service[Symbol.dispose]()
}
// Targets

async function targets (): Promise<void> {
  for (const one of await client.map<number>('sum', null, { settled: true, exclude: ['127.0.0.1:1'], self: false })) {
    if (one.status === 'fulfilled') console.log(one.dest.length, one.value.toFixed())
    else console.log(one.dest.length, one.reason.message)
    // @ts-expect-error a rejection has none
    console.log(one.value)
  }
  client.map<number>('sum', null, { settled: true }, (err, all) => console.log(err, all[0].status))
  const plain: number[] = await client.map<number>('sum', null, { settled: false, limit: 1 })
  const one: number = await client.request<number>('sum', null, { dest: '127.0.0.1:1', retry: 2 })
  console.log(plain, one, await client.request('sum', null, { exclude: '127.0.0.1:1', self: false }))
  // @ts-expect-error a map has no single destination
  await client.map('sum', null, { dest: '127.0.0.1:1' })
  // @ts-expect-error an address, not a port
  await client.request('sum', null, { exclude: 1 })
}
client.request('sum', null, { signal: abort.signal }, (err, data) => console.log(err, data))
link.lookup('sum', { signal: abort.signal }, (err, dests) => console.log(err, dests.length))
link.get('hash', { signal: abort.signal }, (err, value) => console.log(err, value.v))

// Handlers

service
  .handle('sum', ({ a, b }: Sum) => a + b)
  .handle<Sum, number>('sum', async ({ a, b }, { rid, key, cert, signal }) => {
    signal.throwIfAborted()
    console.log(rid.length, key.length, cert?.fingerprint)
    return a + b
  })
  .handle('sum', null)
  .unhandle('sum')
// @ts-expect-error this handler answers with a number
service.handle<Sum, number>('sum', () => 'three')
// @ts-expect-error the key comes first
service.handle((payload: Sum) => payload.a)

// Values that are replaced

async function mutable (): Promise<void> {
  const { privateKey, publicKey } = crypto.generateKeyPairSync('ed25519')
  const hash: string = await link.promises.putMutable({ v: 'text', privateKey, salt: 'a' })
  const found = await link.promises.getMutable(publicKey, { salt: 'a', timeout: 1000 })
  console.log(hash, found?.v.length, found?.seq.toFixed())
  link.putMutable({ v: 'text', privateKey: { secretKey: Buffer.alloc(32) } }, (err, hash) => console.log(err, hash.length))
  link.getMutable(Buffer.alloc(32), (err, found) => console.log(err, found?.v))
  // @ts-expect-error it needs a key
  await link.promises.putMutable({ v: 'text' })
}

// Many actions

class Prices {
  getPrice (space: { service: string }, symbol: string, cb: grenache.Callback<number>): void { cb(null, symbol.length) }
}
service
  .handle('prices', grenache.actions(new Prices(), { methods: ['getPrice'], callback: true, space: ({ key }) => ({ service: key }) }))
  .handle('sums', grenache.actions({ add: (a: number, b: number) => a + b }))
// @ts-expect-error it has no such method
grenache.actions(new Prices(), { methods: ['getPrices'] })

// Orderly ends

const shutdown = grenache.gracefulShutdown({ link, peers: [client, server], drain: 1000, signals: ['SIGTERM'] }, (err, signal) => {
  console.log(err?.message, signal === 'SIGTERM')
})
shutdown.now().then(signal => console.log(signal))
shutdown.remove()
// @ts-expect-error there is no such signal
grenache.gracefulShutdown({ signals: 'SIGNAL' })
// @ts-expect-error what cannot be stopped
grenache.gracefulShutdown({ peers: {} })

// For tests

async function networks (): Promise<void> {
  const network = await testing.testGrapes(3, { dht_peer_maxAge: 1000 })
  const tested = new Link({ grape: network.url })
  console.log(tested, network.urls[0].length, network.grapes[0].address())
  await network.stop()
  // @ts-expect-error how many, and not where
  await testing.testGrapes('127.0.0.1')
}

// Balance

const balanced = new PeerRPCClient(link, { balance: 'least-pending' })
// @ts-expect-error there is no such balance
const unbalanced = new PeerRPCClient(link, { balance: 'fastest' })

// Anything with `lookup` is a link.
const fixed = new PeerRPCClient({ lookup: (key, opts, cb) => cb(null, ['127.0.0.1:1337']) }, {})

// Publisher and subscriber

const publisher = new PeerPub(link, {})
publisher.init()
const topic = publisher.transport('server').listen(1338)
topic.pub('text')
topic.pub(Buffer.from('bytes'))
topic.pub(new Uint8Array(2))
topic.pub([1, 2, 3])
topic.pub(7)
topic.pub(null)
// @ts-expect-error a plain object cannot be published
topic.pub({ a: 1 })
// @ts-expect-error nor a boolean
topic.pub(true)
publisher.pub('text')
publisher.listen(1339)
const port: number | undefined = publisher.port

const subscriber = new PeerSub(link, { reconnect: true })
subscriber.init()
subscriber.on('connected', () => {})
subscriber.on('disconnected', () => subscriber.sub('topic', { timeout: 10000 }))
subscriber.on('message', data => typeof data === 'string' ? JSON.parse(data) : data.byteLength)
subscriber.on('error', err => err.message)
subscriber.sub('topic')
subscriber.sub('topic', { all: true, refresh: 10000, self: false, exclude: ['127.0.0.1:1'] })
subscriber.on('message', (data, dest) => console.log(data.length, dest?.length))
subscriber.unsub('topic')
// @ts-expect-error which key?
subscriber.unsub()
subscriber.transport('127.0.0.1:1338').sub()
async function read (): Promise<void> {
  for await (const message of subscriber) {
    if (typeof message === 'string') console.log(message.length)
    else console.log(message.byteLength)
  }
}
const buffering = new PeerSub(link, { maxBuffered: 100 })
// @ts-expect-error it is a boolean
const odd = new PeerSub(link, { reconnect: 'yes' })

// TLS

const pem = { key: fs.readFileSync('k'), cert: fs.readFileSync('c'), ca: fs.readFileSync('a') }
const secureServer = new PeerRPCServer(link, {
  secure: {
    ...pem,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    verifyClient: (info, cb) => {
      const { fingerprint } = info.req.socket.getPeerCertificate()
      cb(fingerprint === 'x' && info.req.socket.authorized, 401, 'Forbidden', { 'x-why': 'no' })
    }
  }
})
const judged = new PeerRPCServer(link, { secure: { ...pem, verifyClient: info => info.secure } })
const secureClient = new PeerRPCClient(link, { secure: { ...pem, servername: 'a', headers: { 'x-a': 'b' }, origin: 'http://a' } })
// @ts-expect-error the server needs verifyClient
const lax = new PeerRPCServer(link, { secure: pem })
const promising = new PeerRPCServer(link, { secure: { ...pem, verifyClient: async () => true } })
const guarded = new PeerRPCServer(link, { origins: ['https://a'], verifyClient: ({ req }) => req.url === '/ws' && req.socket.remotePort > 0 })
const guardedPub = new PeerPub(link, { origins: async (origin, { secure }) => secure, verifyClient: (info, cb) => cb(false, 403) })
// @ts-expect-error one origin is a list of one
const single = new PeerPub(link, { origins: 'https://a' })
// @ts-expect-error keys are Buffers
const textual = new PeerRPCClient(link, { secure: { ...pem, key: 'pem' } })

// Link

link.lookup('sum', (err, dests) => console.log(err, dests[0].split(':')))
link.lookup('sum', { retry: 1, timeout: 100 }, (err, dests) => console.log(err, dests.length))
link.announce('sum', 1337)
link.announce('sum', 1337, {})
link.announce('sum', 1337, { retry: 1 }, err => console.log(err))
link.announce('sum', 1337, err => console.log(err))
link.put({ v: 'hello' }, (err, hash) => link.get(hash, (err, res) => console.log(err, res.v)))
link.get({ hash: 'abc', salt: 's' }, () => {})
link.request('lookup', 'sum', {}, () => {})
const cached: string[] | undefined = link.cache.lookup.get('lookup:"sum"')
const found: Promise<string[]> = util.promisify(link.lookup).bind(link)('sum')
const requested: Promise<unknown> = util.promisify<string, null, unknown>(client.request.bind(client))('sum', null)
// @ts-expect-error a value is needed
link.put({ salt: 's' }, () => {})
// @ts-expect-error the port is a number
link.announce('sum', '1337')
// @ts-expect-error `connect` has no arguments
link.on('connect', (what: string) => what)

// Events of one's own are free.
link.on('mine', (a: number) => a)
service.emit('mine', 1, 2)
// @ts-expect-error five arguments
service.emit('request', 'rid')

const grape = new grenache.Grape({ api_port: 30001 })
grape.once('ready', () => grape.stop())

// Statistics and channels

const slow: boolean = client.stats().latency.p99 > 100 || client.stats().requests.retried > 0
const share: number = service.stats().requests.failed / service.stats().requests.replied
const lookups: number = link.stats().requests.lookup.failed + link.stats().exchanges.timedOut
const published: number = new PeerPub(link).stats().messages.delivered
const received: number = new PeerSub(link).stats().messages.received
const open: number = client.tpool.list('127.0.0.1:1')[0].stats().connections.open
// @ts-expect-error attempts are the peer's
client.tpool.list('127.0.0.1:1')[0].stats().requests.retried
const onEnd = (message: unknown) => {
  const { side, key, duration }: grenache.RequestMessage = message as grenache.RequestMessage
  return side === 'server' && duration !== undefined && key.length
}
diagnostics.subscribe('grenache:request:end', onEnd)
const onClose = ({ code, error }: grenache.ConnectionMessage) => code === 1006 && error?.message

// What the pages say that options may be

const settings = [
  new PeerRPCClient(link, { secure: { ...pem, auth: 'a:b', localAddress: '127.0.0.1', handshakeTimeout: 1000 } }),
  new PeerRPCServer(link, { verifyClient: info => info.req.socket.authorized, secure: pem }),
  new PeerRPCClient(link, { requestTimeout: undefined, io: undefined, secure: undefined }),
  new PeerSub(link, { reconnect: undefined }),
  new Link({ grape: undefined, requestTimeout: undefined, tls: undefined }),
  new grenache.Grape({ api_port: '30001', api_hosts: 'a,b', dht_bootstrap: 'a:1,b:2', grace: 100, keepAlive: undefined }),
  grenache.gracefulShutdown({ drain: '5000', link: undefined })
]
client.request('sum', 1, { timeout: undefined, dest: undefined, retry: undefined, signal: undefined, self: undefined })
client.map('sum', 1, { settled: undefined, limit: undefined, waitFor: undefined })
