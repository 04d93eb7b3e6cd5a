// Compiled, never run: the types as an ES module uses them, and subclasses.

import { EventEmitter } from 'node:events'
import { deserialize, serialize } from 'node:v8'
import grenache, {
  Link as NamedLink,
  PeerPub,
  PeerRPCClient,
  PeerRPCServer,
  PeerSub,
  TransportPub,
  TransportRPCClient,
  TransportRPCServer,
  TransportSub,
  Grape
} from 'grenache-nodejs-ws-native'
import type {
  Callback,
  ClientConf,
  DestOptions,
  GrenacheError,
  Handler,
  Handlers,
  LinkLike,
  LinkPromises,
  Peer,
  ReplyOf,
  RequestContext,
  RequestHandler,
  RequestOf,
  RequestOptions,
  RPCRequest,
  Settled,
  ServerLike,
  SocketLike,
  TransportConf,
  TransportOptions,
  TransportRequestOptions,
  WebSocketLike,
  WebSocketServerLike
} from 'grenache-nodejs-ws-native'
import Link from 'grenache-nodejs-ws-native/link'
import 'grenache-nodejs-ws-native/register'

const link = new Link({ grape: ['http://127.0.0.1:30001', 'http://127.0.0.1:40001'] })
const same: NamedLink = link
const whole: typeof PeerRPCClient = grenache.PeerRPCClient
const emitters: EventEmitter[] = [link, new PeerPub(link), new PeerSub(link), new TransportPub(null)]
const linked: LinkLike = link

// @ts-expect-error the base classes are types only
const base = grenache.Peer
const anyPeer: Peer<TransportSub, any> = new PeerSub(link)

// Options of one's own

declare module 'grenache-nodejs-ws-native' {
  interface OwnConf { whatever?: number[] }
}
// @ts-expect-error an option that nobody declared, such as a misspelt one
const misspelt = new PeerRPCClient(link, { requestTimeOut: 1000 })
// @ts-expect-error so of a subscription
new PeerSub(link).sub('key', { recconect: true })

// A link of one's own

class RecordingLink extends Link {
  _post (url: string, data: { rid: string, data: any }, opts: { timeout: number }, cb: Callback): void {
    console.log(url, data.rid, data.data, opts.timeout)
    super._post(url, data, opts, cb)
  }
}

// Another codec, and every wire hook of a server

class BinaryServer extends TransportRPCServer {
  parse (data: Buffer): unknown { return deserialize(data) }
  format (value: unknown): Buffer { return serialize(value) }
  listen (port: number): this { return super.listen(port) }
  unlisten (): void { super.unlisten() }
  getSocket (opts: { port: number }): ServerLike { return super.getSocket({ ...opts, path: '/x' }) }
  handleRequest (handler: { reply: (rid: any, err: any, res?: any) => void }, data: any, meta: { cert: null }): void {
    super.handleRequest(handler, data, meta)
  }

  sendReply (socket: SocketLike, rid: string, err: Error | null, res: any): void {
    socket.send(this.format([rid, err ? err.message : null, res]))
  }
}

class BinaryPeerServer extends PeerRPCServer<BinaryServer> {
  getTransportClass () { return BinaryServer }
}

const binary: BinaryServer = new BinaryPeerServer(new RecordingLink()).transport('server')

class ForeignSocket extends EventEmitter {
  send (data: string): void { this.emit('sent', data) }
  close (): void {}
}

// Every wire hook of a client

class OwnClient extends TransportRPCClient {
  connect (): void { super.connect() }
  disconnect (): void { super.disconnect() }
  getSocket (conf: TransportConf<ClientConf>): SocketLike {
    console.log(conf.dest)
    return new ForeignSocket()
  }

  newRequest<Res, Req> (key: string, payload: Req, opts: TransportRequestOptions, cb: Callback<Res>): RPCRequest<Req, Res> {
    return { ...super.newRequest(key, payload, opts, cb), rid: 'mine' }
  }

  addRequest (req: RPCRequest): void { super.addRequest(req) }
  getRequest (rid: string): RPCRequest | undefined { return super.getRequest(rid) }
  delRequest (req: RPCRequest): void { super.delRequest(req) }
  sendRequest (req: RPCRequest): void { this.socket?.send(this.format([req.rid, req.key, req.payload])) }
  handleReply (rid: string, err: Error | null, data?: any): void { super.handleReply(rid, err, data) }
  _request (key: string, payload: any, opts: TransportRequestOptions, cb: Callback): void {
    super._request(key, payload, opts, cb)
  }

  request (key: string, payload: any, opts: any, cb?: any): any { return super.request(key, payload, opts, cb) }
}

// Every hook of a peer

class OwnPeerClient extends PeerRPCClient<OwnClient> {
  constructor (link: LinkLike, private readonly name: string) {
    super(link, { requestTimeout: 1000, whatever: [1] })
  }

  init (): void { super.init(); console.log(this.name, this.conf.maxActiveKeyDests.toFixed(), this.conf.whatever?.length) }
  dest (dests: string[], key: string, opts?: DestOptions): string { return dests[0] ?? super.dest(dests, key, opts) }
  transport (dest: string, opts?: TransportOptions): OwnClient { return super.transport(dest, opts) }
  newTransport (conf: TransportConf<ClientConf>): OwnClient { return super.newTransport({ ...conf, whatever: [2] }) }
  getTransportClass () { return OwnClient }
  getTransportOpts (opts: RequestOptions) { return { ...super.getTransportOpts(opts), more: 1 } }
  getRequestOpts (opts: RequestOptions) { return { ...super.getRequestOpts(opts), timeout: 1 } }
  getDestOpts (opts: RequestOptions) { return super.getDestOpts(opts) }
  _stop (): void { super._stop() }
}

const own: OwnClient = new OwnPeerClient(linked, 'n').transport('127.0.0.1:1')
own.cbq.push('req', err => console.log(err))
console.log(own.cbq.cnt('req'), own.conf.requestTimeout.toFixed(), own.id.length)

class WrongPeer extends PeerRPCServer {
  // @ts-expect-error a server peer needs server transports
  getTransportClass () { return TransportRPCClient }
}

class WrongClient extends TransportRPCClient {
  // @ts-expect-error a socket must be able to send
  getSocket (): EventEmitter { return new EventEmitter() }
}

// Hooks may be assigned on an instance

const server = new PeerRPCServer(link).transport('server')
server.parse = data => JSON.parse(String(data))
server.sendReply = (socket, rid, err, res) => socket.send(JSON.stringify([rid, err, res]))

link._post = (url, data, opts, cb) => cb(null, [url, data.rid, opts.timeout])
own._request = (key, payload, opts, cb) => cb(null, payload)

// Promises around callbacks

async function ask<Res> (client: PeerRPCClient, key: string): Promise<Res> {
  return await new Promise((resolve, reject) => {
    client.request<Res>(key, null, { timeout: 1 }, (err, res) => err ? reject(err) : resolve(res))
  })
}
const asked: number = await ask<number>(new PeerRPCClient(link), 'key')

async function answer (payload: { n: number }, { reply }: Handler<number>): Promise<void> {
  reply(null, payload.n + asked)
}
server.on('request', async (rid, key, payload, handler) => await answer(payload, handler))

const onSum: RequestHandler<number[], number> = (numbers, context: RequestContext) => {
  console.log(context.key, context.signal.aborted, context.cert?.subject)
  return numbers.length
}
server.handle('sum', onSum)
const asyncAnswer: RequestHandler<string, string> = async payload => payload.trim()
// @ts-expect-error a handler that answers with numbers
const noAnswer: RequestHandler<string, number> = async payload => payload.trim()

async function modern (client: PeerRPCClient, own: OwnClient, link: Link, promises: LinkPromises = link.promises): Promise<void> {
  const dests: string[] = await promises.lookup('key', { retry: 1 })
  const answer: number = await client.request<number>('key', dests, { signal: AbortSignal.timeout(1000) })
  const answers: number[] = await client.map('key', answer)
  console.log(answers.length, await own.request('key', 1, {}))
  await using used = new PeerRPCClient(link, { balance: 'round-robin' })
  using stopped = used.transport(dests[0])
  await using served = new PeerRPCServer(link)
  await using linked = new Link({})
  await using grape = new Grape({ api_port: 0 })
  console.log(stopped.id, served.port, linked.conf, grape.address())
  for await (const message of new PeerSub(link)) console.log(message.length)
}
console.log(modern, asyncAnswer)

// Contracts: one interface for both sides

interface Sum { a: number, b: number }
interface Sums { sum: [Sum, number], 'sum of list': [request: number[], reply: { total: number }] }

async function contracts (client: PeerRPCClient<Sums>, server: PeerRPCServer<Sums>): Promise<void> {
  const sum: number = await client.request('sum', { a: 1, b: 2 }, { timeout: 1000 })
  const totals: number[] = (await client.map('sum of list', [1, 2])).map(({ total }) => total)
  for (const one of await client.map('sum', { a: 1, b: 2 }, { settled: true })) if (one.status === 'fulfilled') console.log(one.value.toFixed())
  client.request('sum', { a: 1, b: 2 }, (err, res) => console.log(err, res.toFixed()))
  client.request('sum', { a: 1, b: 2 }, {}, (err, res) => console.log(err, res.toFixed()))
  client.map('sum', { a: 1, b: 2 }, (err, res) => console.log(err, res[0].toFixed()))
  const direct: number = await client.transport('127.0.0.1:1').request('sum', { a: 1, b: 2 })
  console.log(sum, totals, direct)
  // @ts-expect-error no such key
  await client.request('sun', { a: 1, b: 2 })
  // @ts-expect-error another payload
  await client.request('sum', { a: 1 })
  // @ts-expect-error another result
  const text: string = await client.request('sum', { a: 1, b: 2 })
  // @ts-expect-error the contract says what comes back
  await client.request<string>('sum', { a: 1, b: 2 })
  // @ts-expect-error so with a map
  await client.map('sums', { a: 1, b: 2 })
  // @ts-expect-error and with one transport
  await client.transport('127.0.0.1:1').request('sun', { a: 1, b: 2 })

  const service = server.transport('server').listen(0)
  service
    .handle('sum', ({ a, b }) => a + b)
    .handle('sum of list', async list => ({ total: list.length }))
    .handle('sum', null)
    .unhandle('sum')
  // @ts-expect-error no such key
  service.handle('sun', () => 1)
  // @ts-expect-error another result
  service.handle('sum', () => 'three')
  // @ts-expect-error another payload
  service.handle('sum', ({ c }) => c)
  const handlers: Handlers<Sums> = { sum: ({ a, b }) => a + b, 'sum of list': list => ({ total: list.length }) }
  service.handle('sum', handlers.sum)
  server.listen(1).handle('sum', handlers.sum)
  const anyClient: PeerRPCClient = client
  await ask(client, 'sum')
  console.log(text, anyClient)
}
console.log(contracts)

// A contract in code for any of its keys

interface Counts { count: [request: null, reply: number], sum: [request: number[], reply: number], name: [request: { id: number }, reply: string] }

class Wrapper {
  constructor (private readonly client: PeerRPCClient<Counts>, private readonly service: TransportRPCServer<Counts>) {}

  async call<K extends keyof Counts> (key: K, payload: Counts[K][0]): Promise<Counts[K][1]> {
    return await this.client.request(key, payload)
  }

  async named<K extends keyof Counts> (key: K, payload: RequestOf<Counts, K>): Promise<ReplyOf<Counts, K>> {
    return await this.client.request(key, payload, { timeout: 1000 })
  }

  async all<K extends keyof Counts> (key: K, payload: Counts[K][0]): Promise<Array<Counts[K][1]>> {
    return await this.client.map(key, payload)
  }

  back<K extends keyof Counts> (key: K, payload: Counts[K][0], cb: Callback<Counts[K][1]>): void {
    this.client.request(key, payload, cb)
    this.client.request(key, payload, {}, cb)
    this.client.transport('127.0.0.1:1').request(key, payload, {}, cb)
  }

  one<K extends keyof Counts> (key: K, handler: Handlers<Counts>[K]): void {
    this.service.handle(key, handler)
  }

  each (handlers: Handlers<Counts>): void {
    this.service.handle(handlers)
    const serve = <K extends keyof Counts>(key: K): void => { this.service.handle(key, handlers[key]) }
    for (const key of Object.keys(handlers) as Array<keyof Counts>) serve(key)
  }
}

async function mapped (client: PeerRPCClient<Counts>, settled: boolean): Promise<void> {
  const either: Array<number | Settled<number>> = await client.map('sum', [1], { settled })
  const plain: number[] = await client.map('sum', [1], { settled: false })
  // @ts-expect-error the results may be outcomes
  const wrong: number[] = await client.map('sum', [1], { settled })
  client.map('sum', [1], { settled }, (err, all) => {
    // @ts-expect-error the same
    console.log(err, all[0].toFixed())
  })
  const free: Array<number | Settled<number>> = await new PeerRPCClient(link).map<number>('sum', [1], { settled })
  console.log(either, plain, wrong, free)
}

async function counts (client: PeerRPCClient<Counts>, service: TransportRPCServer<Counts>): Promise<void> {
  const wrapper = new Wrapper(client, service)
  const total: number = await wrapper.call('sum', [1])
  const name: string = await wrapper.named('name', { id: 1 })
  // @ts-expect-error another payload
  await wrapper.call('sum', { id: 1 })
  const count: number = await client.request('count')
  // @ts-expect-error this one has a payload
  await client.request('sum')
  const request: RequestOf<Counts, 'name'> = { id: 1 }
  const reply: ReplyOf<Counts, 'name'> = name
  service.handle({ count: () => total, sum: async numbers => numbers.length, name: ({ id }, { key }) => `${key} ${id}` })
  // @ts-expect-error a key of the contract has no handler
  service.handle({ count: () => 1, sum: numbers => numbers.length })
  // @ts-expect-error another result
  service.handle({ count: () => '1', sum: numbers => numbers.length, name: () => '' })
  // @ts-expect-error no such key
  service.handle({ count: () => 1, sum: numbers => numbers.length, name: () => '', nam: () => '' })
  new TransportRPCServer(null).handle({ any: payload => payload, other: async () => 1 })
  // @ts-expect-error no function
  new TransportRPCServer(null).handle({ any: 1 })
  service.on('request', (rid, key, payload, handler) => {
    if (key === 'sum' && Array.isArray(payload)) handler.reply(null, payload.length)
    // @ts-expect-error not every request has a list
    handler.reply(null, payload.length)
    // @ts-expect-error no request gets a list
    handler.reply(null, [rid])
    // @ts-expect-error no such key
    if (key === 'sun') handler.reply(new Error('no'))
  })
  const options: RequestOptions | any = {}
  const anyhow: number = await client.request('sum', [1], options)
  console.log(count, request, reply, anyhow)
}
console.log(counts, mapped)
// @ts-expect-error a contract has [request, reply] for each key
const odd: PeerRPCClient<{ sum: Sum }> = new PeerRPCClient(link)
const inline = new PeerRPCClient<{ sum: [Sum, number] }>(link, {})
const subclassed: OwnClient = new PeerRPCClient<OwnClient>(link).transport('127.0.0.1:1')

class CheckedClient extends PeerRPCClient<Sums> {
  async sum (a: number, b: number): Promise<number> { return await this.request('sum', { a, b }) }
}
console.log(new CheckedClient(link).sum, inline, subclassed)

// Sub and Pub transports and their sockets

const sub = new TransportSub(anyPeer, { dest: '127.0.0.1:1' })
sub.on('message', data => data.length)
sub.sub()
sub.unsub()
sub.checkConnection()
const raw: WebSocketLike | null | undefined = sub.socket
raw?.once('open', () => raw.send('hello'))
raw?.on('ping', data => data.byteLength)
const rawServer: WebSocketServerLike | null | undefined = new TransportPub(null).listen(0).socket
rawServer?.on('listening', () => {})
// @ts-expect-error what comes is a string or a Buffer
sub.on('message', (data: number) => data)
// @ts-expect-error there is no such driver
const io = new PeerRPCClient(link, { io: 'uring' })

// Grape

const grape = new Grape({ api_port: 30001, dht_bootstrap: ['127.0.0.1:20002'] })
grape.on('announce', key => key.length)
grape.start(err => err?.message)
grape.announce('key', 1337, (err, nodes) => err ?? nodes.toFixed())
grape.unannounce('key', 1337)
grape.lookup('key', { order: 'fresh' }, (err, found) => err ?? found[0].split(':'))
grape.put({ v: 'value', k: Buffer.alloc(32), seq: 1, sign: message => message }, (err, hash) => err ?? hash.length)
grape.get({ hash: 'ab', salt: 'salt' }, (err, value) => err ?? value?.v.length)
const where: string | undefined = grape.address()?.api
grape.stop()
const local = new Link({ grape: 'embedded', grapePort: 31001 })
// @ts-expect-error a grape without an API has no port
const none = new Grape({ dht_port: 20001 })

// What an error knows.
new PeerRPCClient(new NamedLink({ grape: '' }), {}).request('key', 1, {}, (err: GrenacheError | null) => {
  if (err?.code === 'ERR_TIMEOUT') console.log(err.key, err.dest, err.timeout?.toFixed(), err.hint)
})
