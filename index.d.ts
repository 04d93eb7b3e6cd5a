/// <reference types="node" />

import { KeyObject } from 'crypto'
import { EventEmitter } from 'events'
import { IncomingMessage, OutgoingHttpHeaders } from 'http'
import { ServerOptions as HttpsServerOptions } from 'https'
import { AddressInfo, Socket as NetSocket } from 'net'
import { Duplex } from 'stream'
import { ConnectionOptions, PeerCertificate, TLSSocket } from 'tls'

// Only what is marked with `export` leaves this file.
export {}

// Events

/** Refuses the names in `Events`, so that their own overload decides; takes every other name. */
type Unlisted<Events, E> = E extends keyof Events ? never : E

type Args<Events, E extends keyof Events> = Events[E] extends any[] ? Events[E] : never

/** A listener that takes one kind of what an event may bring: who publishes only text hears only strings. */
type Narrow<Events, E extends keyof Events> =
  Events[E] extends [infer Arg, dest?: string] ? (Arg extends any ? (arg: Arg, dest?: string) => void : never) : never

/** An EventEmitter whose events have known arguments. Other names are taken as they are. */
declare class TypedEmitter<Events> extends EventEmitter {
  on<E extends keyof Events>(event: E, listener: (...args: Args<Events, E>) => void): this
  on<E extends string | symbol>(event: Unlisted<Events, E>, listener: (...args: any[]) => void): this
  on<E extends keyof Events>(event: E, listener: Narrow<Events, E>): this
  once<E extends keyof Events>(event: E, listener: (...args: Args<Events, E>) => void): this
  once<E extends string | symbol>(event: Unlisted<Events, E>, listener: (...args: any[]) => void): this
  once<E extends keyof Events>(event: E, listener: Narrow<Events, E>): this
  emit<E extends keyof Events>(event: E, ...args: Args<Events, E>): boolean
  emit<E extends string | symbol>(event: Unlisted<Events, E>, ...args: any[]): boolean
}

// Callbacks

/** `err` is null when the call worked; `data` counts only then, or when a server sent both. */
export type Callback<T = any> = (err: Error | null, data: T) => void

/** Options of a peer or a request, by the name that the types of the original have for them. */
export type RPCOptions = { timeout?: number, retry?: number }

/** What a call takes instead of a callback, to return a Promise. */
type NoCallback = null | undefined

/** `nodes` is what the grape answered. */
export type AnnounceCallback = (err: Error | null, nodes?: any) => void

// The link, as a peer needs it

/** What a peer needs of a link. */
export interface LinkLike {
  lookup(key: string, opts: LookupOptions, cb: Callback<string[]>): void
}

// Sockets

/** The least that a connection of your own must have, such as one of the `ws` package. */
export interface SocketLike {
  on(event: any, listener: (...args: any[]) => void): any
  send(data: any): void
  close(): void
}

/** The least that a server of your own must have, such as one of the `ws` package. */
export interface ServerLike {
  on(event: any, listener: (...args: any[]) => void): any
  close(): void
}

export interface SendOptions {
  /** Binary frame? Default: false for strings and numbers, else true. */
  binary?: boolean
  /** Changes nothing: clients mask, servers do not. */
  mask?: boolean
  /** Is this the last frame of the message? Default: true. */
  fin?: boolean
  /** Changes nothing: compression is never agreed upon. */
  compress?: boolean
}

export interface WebSocketEvents {
  open: []
  /** A string for a text frame, a Buffer for a binary one. */
  message: [data: string | Buffer]
  close: [code: number, reason: string]
  error: [err: Error]
  ping: [data: Buffer]
  pong: [data: Buffer]
}

/** What listeners of the browser's kind get. */
export interface SocketEvent {
  type: string
  target: WebSocketLike
}

export interface SocketEventMap {
  open: SocketEvent
  message: SocketEvent & { data: string | Buffer | ArrayBuffer | Buffer[] }
  close: SocketEvent & { code: number, reason: string, wasClean: boolean }
  error: SocketEvent & { error: Error, message: string }
}

type SocketListener<Name extends keyof SocketEventMap> = (event: SocketEventMap[Name]) => void

/**
 * The TCP socket of a connection: as much of Node's as has a meaning where native code moves the bytes,
 * or Node's TLS socket. The rest throws `ERR_UNSUPPORTED`.
 */
export type TcpSocketLike = TLSSocket | PlainTcpSocket

/** Without TLS. */
export type PlainTcpSocket = TypedEmitter<{ close: [hadError: boolean], drain: [], end: [], error: [err: Error], timeout: [] }> & Pick<
  NetSocket,
  'address' | 'bytesRead' | 'bytesWritten' | 'connecting' | 'cork' | 'destroy' | 'destroyed' | 'destroySoon' | 'end' | 'isPaused' | 'localAddress' | 'localPort' |
  'pause' | 'pending' | 'readyState' | 'ref' | 'resetAndDestroy' | 'resume' | 'setKeepAlive' |
  'setNoDelay' | 'setTimeout' | 'uncork' | 'unref' |
  'writableFinished' | 'writableHighWaterMark' | 'writableLength' | 'writableNeedDrain'
> & {
  readonly encrypted: false
  readonly remoteAddress: string
  readonly remotePort: number
  readonly remoteFamily: string
  readonly localFamily: string | undefined
}

/** One connection, like a socket of `ws` 7. */
export interface WebSocketLike extends TypedEmitter<WebSocketEvents> {
  readonly CONNECTING: 0
  readonly OPEN: 1
  readonly CLOSING: 2
  readonly CLOSED: 3
  readonly readyState: 0 | 1 | 2 | 3
  /** Bytes that wait to be sent. */
  readonly bufferedAmount: number
  /** The address that a client connects to. */
  readonly url: string
  /** The first subprotocol that the client offers, or nothing. */
  readonly protocol: string
  /** Always empty. */
  readonly extensions: string
  /** How binary messages come. Default: `'nodebuffer'`. */
  binaryType: 'nodebuffer' | 'arraybuffer' | 'fragments'
  onopen: SocketListener<'open'> | null
  onmessage: SocketListener<'message'> | null
  onclose: SocketListener<'close'> | null
  onerror: SocketListener<'error'> | null
  /** The TCP socket; null before the handshake is done. */
  readonly _socket: TcpSocketLike | null
  addEventListener<Name extends keyof SocketEventMap>(type: Name, listener: SocketListener<Name>, opts?: { once?: boolean }): void
  removeEventListener<Name extends keyof SocketEventMap>(type: Name, listener: SocketListener<Name>): void
  send(data: any, cb?: (err?: Error) => void): void
  send(data: any, opts: SendOptions, cb?: (err?: Error) => void): void
  ping(data?: any, mask?: boolean, cb?: (err?: Error) => void): void
  pong(data?: any, mask?: boolean, cb?: (err?: Error) => void): void
  /** Closes with a close frame. */
  close(code?: number, reason?: string): void
  /** Ends the connection without a close frame. */
  terminate(): void
}

export interface WebSocketServerEvents {
  connection: [socket: WebSocketLike, req: IncomingMessage]
  listening: []
  close: []
  error: [err: Error]
}

/** A listening server, like one of `ws` 7. */
export interface WebSocketServerLike extends TypedEmitter<WebSocketServerEvents> {
  readonly clients: Set<WebSocketLike>
  /** The options of `ws`'s server, as far as they are known here. */
  readonly options: Record<string, unknown>
  /** `true`: every path is served. */
  shouldHandle(req: IncomingMessage): boolean
  /** Throws `ERR_UNSUPPORTED`. */
  handleUpgrade(...args: unknown[]): never
  address(): AddressInfo | string | null
  close(cb?: (err?: Error) => void): void
}

// TLS

interface SecureBuffers {
  key: Buffer
  cert: Buffer
  ca: Buffer
}

/** `conf.secure` of a client: every option of Node's `tls.connect`, and some for the upgrade. */
export interface ClientSecureOptions extends SecureBuffers, Omit<ConnectionOptions, keyof SecureBuffers> {
  /** Headers of the upgrade request. */
  headers?: OutgoingHttpHeaders
  /** `Origin` header of the upgrade request. */
  origin?: string
  /** As `maxPayload` of the client, which it replaces. */
  maxPayload?: Amount
}

/** `conf.secure` of a server: every option of Node's `https.createServer`, and `verifyClient`. */
export interface ServerSecureOptions extends SecureBuffers, Omit<HttpsServerOptions, keyof SecureBuffers> {
  /** Decides whether a client may connect. */
  verifyClient: VerifyClient
}

export interface VerifyClientInfo {
  origin: string
  secure: boolean
  /** Its `socket` is Node's TLS socket. */
  req: IncomingMessage & { socket: TLSSocket }
}

/**
 * With one parameter it returns whether the client may connect, or a promise of that; with two it tells
 * it by `cb`, now or later. It has as long as the handshake; what it throws is a warning of the process,
 * and the client gets 500.
 */
export type VerifyClient = (
  info: VerifyClientInfo,
  cb: (ok: boolean, code?: number, message?: string, headers?: OutgoingHttpHeaders) => void
) => boolean | void | Promise<boolean | void>

export interface PlainVerifyClientInfo {
  origin: string
  secure: boolean
  /** What is known of the request. */
  req: Pick<IncomingMessage, 'method' | 'url' | 'httpVersion' | 'headers' | 'rawHeaders'> & {
    socket: PlainTcpSocket
  }
}

/** `VerifyClient` of a server without TLS. */
export type PlainVerifyClient = (
  info: PlainVerifyClientInfo,
  cb: (ok: boolean, code?: number, message?: string, headers?: OutgoingHttpHeaders) => void
) => boolean | void | Promise<boolean | void>

// Configuration

/**
 * A number, or a text of one; `false` is 0, and `null` as if left out. What else is given throws
 * `ERR_OPTION`. docs/OPTIONS.md says what 0 means, and `Infinity`.
 */
export type Amount = number | `${number}` | '' | false | null

/** Bytes with a unit, such as `'8kb'`. */
export type Size = `${number}${'b' | 'kb' | 'mb' | 'gb' | 'tb' | 'pb' | 'KB' | 'MB' | 'GB' | 'TB'}`

/** What a constructor or a call throws for an option that means nothing. */
export interface OptionError extends TypeError {
  code: 'ERR_OPTION'
  /** Its name. */
  option: string
  value: unknown
}

/** What every peer takes. Unknown keys are kept, and handed on to the transports. */
export interface PeerConf {
  /**
   * What moves the bytes: Node's own event loop, or a thread beside it. Default: `libuv` where
   * possible; the environment variable GRENACHE_IO decides for all.
   */
  io?: 'libuv' | 'tokio'
  /**
   * Microseconds; after each message the event loop looks for the next one for so long instead of
   * sleeping. A wake-up is most of the latency between two processes of one machine; the price is
   * a busy core while messages come. 0 never does. By default the loop learns whether it pays: it
   * looks on for 50 us (150 with `secure`) while that finds a message in two of three times, and
   * otherwise only in 2 of 256 ms, to see whether it would. Not with `io: 'tokio'`, unless `secure`.
   */
  busyPoll?: Amount
  /** Bytes of the largest message that is accepted; a larger one ends its connection with 1009. Default: 100 MiB; 0 is V8's longest string. */
  maxPayload?: Amount
  /**
   * ms; a connection silent for so long is pinged, and ended after as long again without an answer,
   * unless requests are under way on it or something waits to be written. 0 is never. Default: 30000.
   */
  heartbeatInterval?: Amount
  /**
   * ms; how long TCP may take, for each address of a name; 0 is as long as the system lets it. Default: 10000; 3000 at
   * most for a client's request that had several destinations to choose from.
   */
  connectTimeout?: Amount
  /** ms; how long the opening handshake may take. 0 is no limit. Default: 10000. */
  handshakeTimeout?: Amount
  /**
   * Bytes that may wait for a slow receiver: beyond that its own requests are neither read nor
   * handed to the service, and a subscriber is ended or loses messages. Default: 16 MiB.
   */
  highWater?: Amount
  /**
   * Bytes that all connections of the peer may hold together: messages whose end has not come,
   * answers that are not read, requests that are not answered, also those of connections that are
   * gone: above half of it in those, a server does not read the addresses that most of them came from. Above it those connections end, with
   * `ERR_MEMORY_BUDGET`, that hold much and have long let go of nothing. 0 is any number.
   * Default: 512 MiB.
   */
  memoryBudget?: Amount
  [key: string]: unknown
}

/** `new PeerRPCClient(link, conf)` */
export interface ClientConf extends PeerConf {
  /** Once so many destinations of a key have connections, only those are chosen; 0 is never. Default: 5. */
  maxActiveKeyDests?: Amount
  /** Connections per destination, one at least. Default: 3. */
  maxActiveDestTransports?: Amount
  /** ms; timeout of a request that names none. 0 is no limit. Default: 60000. */
  requestTimeout?: Amount
  /** ms; a transport without requests for so long is stopped. Default: 120000. */
  inactivityTimeout?: Amount
  /** Requests of the peer under way at once; one more ends with `ERR_REQUESTS_LIMIT`. Default: 0, any number. */
  maxRequests?: Amount
  /** The same for each connection. Default: 1048576. */
  maxConnectionRequests?: Amount
  /**
   * Which of a key's destinations gets a request: any, the one with the fewest requests of this
   * client under way, or each in turn. Those that failed lately are left out, and `retry` goes
   * elsewhere, in any case; see `maxActiveKeyDests` too. Default: `random`.
   */
  balance?: 'random' | 'least-pending' | 'round-robin'
  /** TLS; default: none. */
  secure?: ClientSecureOptions
}

/** `new PeerRPCServer(link, conf)` */
export interface ServerConf extends PeerConf {
  /** Address to listen on. Default: all interfaces. */
  host?: string
  /** Clients at once; one more is closed with 1013. Default: 0, any number. */
  maxConnections?: Amount
  /**
   * Which pages may come in, by their origin: a list, a function, or `'*'` for all. Clients that tell no
   * origin are no pages. Default: over the loopback interface pages of `localhost`, 127.0.0.0/8 and
   * `[::1]`, over others all.
   */
  origins?: '*' | string[] | ((origin: string, info: PlainVerifyClientInfo | VerifyClientInfo) => boolean | Promise<boolean>)
  /** Decides whether a client may connect, within `handshakeTimeout`; with `secure`, its own decides. Default: everybody may. */
  verifyClient?: PlainVerifyClient
  /**
   * Requests of one connection without an answer: with so many it is not read until one is
   * answered, or does not count any more. 0 is any number. Default: 1048576.
   */
  maxConnectionRequests?: Amount
  /**
   * Bytes that those requests may cost to keep: their own, 64 for each array, object and property, 24 for each element, and
   * 256 for a small one. 0 is any number. Default: 64 MiB.
   */
  maxRequestBytes?: Amount
  /**
   * ms; a request that is not answered counts for so long, for twice that at most.
   * Default: 60000, as clients'.
   */
  requestTimeout?: Amount
  /** TLS; default: none. */
  secure?: ServerSecureOptions
}

/** `new PeerPub(link, conf)` */
export interface PubConf extends PeerConf {
  /** Address to listen on. Default: all interfaces. */
  host?: string
  /** Subscribers at once; one more is closed with 1013. Default: 0, any number. */
  maxConnections?: Amount
  /**
   * Which pages may come in, by their origin: a list, a function, or `'*'` for all. Clients that tell no
   * origin are no pages. Default: over the loopback interface pages of `localhost`, 127.0.0.0/8 and
   * `[::1]`, over others all.
   */
  origins?: '*' | string[] | ((origin: string, info: PlainVerifyClientInfo | VerifyClientInfo) => boolean | Promise<boolean>)
  /** Decides whether a client may connect, within `handshakeTimeout`. Default: everybody may. */
  verifyClient?: PlainVerifyClient
  /**
   * What becomes of a subscriber that is more than `highWater` bytes behind: its connection ends,
   * or it goes on without the oldest messages. Default: `disconnect`.
   */
  slowSubscriber?: 'disconnect' | 'drop'
}

/** `new PeerSub(link, conf)` */
export interface SubConf extends PeerConf {
  /**
   * Reconnect after a lost connection? Default: when nobody listens for `disconnected`, on the
   * peer or on the transport.
   */
  reconnect?: boolean
  /**
   * Messages that may wait for a slow `for await` loop, beside the bytes of `highWater`; one more
   * ends the loop with `ERR_MESSAGES_LIMIT`, after those. Default: 10000.
   */
  maxBuffered?: Amount
}

/** What a transport has of its peer's conf, and where it goes: `server` for one that listens. */
export type TransportConf<C extends PeerConf = PeerConf> = C & { dest?: string }

// Options

/** Of a `stop` in order. */
export interface DrainOptions {
  /**
   * ms at most for what is under way. Meanwhile nothing new begins: a server takes no connections
   * and is announced no more, a client takes no requests. Each connection closes with code 1001 when it is done; what a
   * server has not begun, clients send elsewhere by themselves.
   */
  drain: Amount
}

/** An option of what can be ended. */
export interface AbortOptions {
  /**
   * Ends the call when it is aborted, also before: with an Error named `AbortError` whose `code` is
   * `ABORT_ERR` and whose `cause` is the signal's reason. A request that was not sent is not sent
   * any more; the reply to one that was is ignored.
   */
  signal?: AbortSignal | null
}

/** Options of a transport's `request`. */
export interface TransportRequestOptions extends AbortOptions {
  /** ms, counted from the call. 0 is no limit; below 0 it is over. Default: `conf.requestTimeout`. */
  timeout?: Amount
}

/** Options of `peer.transport`. */
export interface TransportOptions {
  /** Connections per destination. Default: `conf.maxActiveDestTransports`. */
  maxActiveDestTransports?: Amount
}

/** Options of `peer.dest`. */
export interface DestOptions {
  /** See `ClientConf`. Default: `conf.maxActiveKeyDests`. */
  maxActiveKeyDests?: Amount
}

/** Which destinations of a lookup are not asked. */
export interface TargetOptions {
  /** Addresses that are not asked, as `host:port`. */
  exclude?: string | readonly string[] | null
  /** `false`: not what the peer's link announces on this machine. Default: true. */
  self?: boolean | null
}

/** Options of `peer.request`. */
export interface RequestOptions extends TransportRequestOptions, TransportOptions, DestOptions, TargetOptions {
  /** Asks this `host:port`, without a lookup. */
  dest?: string | null
  /** Attempts. Default: 1. */
  retry?: Retry
}

/** Attempts, or an object like that of `async.retry`. A call throws `ERR_OPTION` for anything else. */
export type Retry = number | string | {
  /** Default, and instead of 0: 5. */
  times?: number
  /** ms between two attempts, or a function of the number of attempts so far that returns them. Default: 0. */
  interval?: number | ((attempt: number) => number)
  /** Whether it is tried again after this error. Default: it is. */
  errorFilter?: (err: Error) => boolean
}

/** Options of `peer.map`. */
export interface MapOptions extends TransportRequestOptions, TransportOptions, TargetOptions {
  /** Asks so many random destinations. Default: all. */
  limit?: Amount
  /** Tells of each destination how it went, instead of ending with the first error. Default: false. */
  settled?: boolean | null
}

/** How the request to one destination of a `map` with `settled` went. */
export type Settled<Res = any> =
  | { dest: string, status: 'fulfilled', value: Res }
  | { dest: string, status: 'rejected', reason: Error }

// Statistics: since the peer, transport or link was made. docs/OBSERVABILITY.md says more.

/** How long things took, in ms. Percentiles are never too low, and at most 3.2 % too high. */
export interface Latency {
  /** How many were measured. */
  count: number
  mean: number
  p50: number
  p90: number
  p99: number
  p999: number
  max: number
}

/** What connections did. */
export interface ConnectionStats {
  connections: {
    /** Handshakes that were done. */
    opened: number
    /** Those of them that are over. */
    closed: number
    /** Those that are there now. */
    open: number
    /** Of a client: over before they were open. */
    failed: number
  }
  /** Bytes of WebSocket frames, without those of TLS. */
  bytes: {
    sent: number
    received: number
    /** Composed, and not yet taken by the system. */
    waiting: number
  }
}

/** `transport.stats()` of a client. */
export interface ClientStats extends ConnectionStats {
  /** `started = succeeded + failed + timedOut + aborted + pending` */
  requests: {
    /** Sent, or waiting for their connection; attempts count each. */
    started: number
    /** Answered without an error. */
    succeeded: number
    /** Answered with an error, or cut off. */
    failed: number
    /** Not answered in time. */
    timedOut: number
    /** Given up by their `signal`. */
    aborted: number
    /** Under way now. */
    pending: number
    /** Never started: no destination, a limit, a payload without JSON, a stopped peer. */
    rejected: number
  }
  /** Of answered requests, from the composing of the request to the reading of its reply. */
  latency: Latency
}

/** `peer.stats()` of a client. */
export interface ClientPeerStats extends ClientStats {
  requests: ClientStats['requests'] & {
    /** Attempts after the first. */
    retried: number
  }
  /** Destinations that failed lately and are avoided for now. */
  unreachable: string[]
}

/** `stats()` of a server's peer and transports. */
export interface ServerStats extends ConnectionStats {
  requests: {
    /** Handed to `request` listeners. */
    received: number
    /** Answered. */
    replied: number
    /** Answered with an error. */
    failed: number
    /** Not answered so far. */
    pending: number
    /** Not answered when the client's connection ended. */
    abandoned: number
    /** Messages that were no requests. */
    invalid: number
  }
  /** Of answered requests, from handing over what was read to the composing of the reply. */
  latency: Latency
}

/** `stats()` of a publisher's peer and transports. */
export interface PubStats extends ConnectionStats {
  messages: {
    /** Calls of `pub` with somebody connected. */
    published: number
    /** Copies for subscribers. */
    delivered: number
    /** Copies that subscribers did not get, since they did not keep up. */
    lost: number
  }
}

/** `stats()` of a subscriber's peer and transports. */
export interface SubStats extends ConnectionStats {
  messages: { received: number }
}

/** Things that begin and end: `started = succeeded + failed + timedOut + pending`. */
export interface Outcomes {
  started: number
  succeeded: number
  failed: number
  timedOut: number
  pending: number
}

/** `link.stats()` */
export interface LinkStats {
  /** By type, such as `lookup`; without those that the cache answers. */
  requests: { [type: string]: Outcomes }
  /** HTTP exchanges with grapes. */
  exchanges: Outcomes
  /** Of exchanges that a grape answered. */
  latency: Latency
  /** Lookup answers in the cache. */
  cached: number
  /** Services that are announced again and again. */
  announced: number
  /** Grapes that failed lately and are asked last for now. */
  unreachable: string[]
}

// Channels of `diagnostics_channel`

/**
 * Message of `grenache:request:start`, `grenache:request:end` and `grenache:request:error`: of one
 * request always the same object.
 */
export interface RequestMessage {
  side: 'client' | 'server'
  transport: TransportRPCClient | TransportRPCServer
  /** The other side, as `host:port`; undefined with sockets that you brought to a server. */
  address: string | undefined
  key: string
  /** Id of the request on both sides; undefined where it was not sent, or hooks are replaced. */
  rid: string | undefined
  payload: any
  /** ms; undefined at the start. */
  duration: number | undefined
  error: any
  result: any
}

/** Message of `grenache:connection:open` and `grenache:connection:close`. */
export interface ConnectionMessage {
  side: 'client' | 'server'
  /** Null of a connection that is no transport's. */
  transport: TransportRPCClient | TransportRPCServer | TransportPub | TransportSub | null
  /** The other side, as `host:port`. */
  address: string
  /** Is it TLS? */
  secure: boolean
  /** False of a client's connection that could not be made. */
  opened: boolean
  /** Of the closing handshake; 1006 without one. Undefined at the start. */
  code: number | undefined
  reason: string | undefined
  /** Why it broke, or could not be made. */
  error: Error | undefined
}

// Peers

declare abstract class Peer<T extends Transport, C extends PeerConf, Events = {}> extends TypedEmitter<Events> {
  constructor(link: LinkLike, conf?: C)

  conf: C
  link: any

  init(): void
  isActive(): boolean
  /** Ends the peer at once. */
  stop(): void
  /** Ends the peer after what is under way, see `DrainOptions`; resolves when it has ended. */
  stop(opts: DrainOptions): Promise<void>
  /** `using peer`: stops it. */
  [Symbol.dispose](): void
  /** `await using peer`: stops it at once, and resolves when its connections are closed. */
  [Symbol.asyncDispose](): Promise<void>

  // Hooks: overridable, and called on every request.

  /** A transport to `dest`; `'server'` for one that is to listen. */
  transport(dest: string, opts?: TransportOptions): T
  newTransport(conf: TransportConf<C>): T
  getTransportClass(): new (client: any, conf?: any) => T
  /** Options of `transport` out of a request's. */
  getTransportOpts(opts: RequestOptions): any
  /** Chooses one of the destinations. */
  dest(dests: string[], key: string, opts?: DestOptions): string
  _stop(): void
}

declare abstract class PeerServer<T extends Transport, C extends PeerConf> extends Peer<T, C> {
  /** The port of the latest transport; undefined before it listens. A service may keep its own here. */
  port: number | undefined

  /** Lets the latest transport listen, and returns it. */
  listen(port: number): T
  /** @deprecated The types of the original have it, but neither package does: it throws. */
  listen(key: string, handler: (payload: any, cb: Callback) => void): void
}

/** The transports of a client, by destination. */
export interface TransportPool<T = TransportRPCClient> {
  /** The transports to all destinations. */
  all(): T[]
  list(dest: string): T[]
  hasActive(dest: string): boolean
  getActive(dest: string): T[]
}

/** Sends requests to services by name. */
export class PeerRPCClient<T extends TransportRPCClient = TransportRPCClient> extends Peer<T, ClientConf> {
  conf: ClientConf & { maxActiveKeyDests: number, maxActiveDestTransports: number }
  /** After `init`. */
  tpool: TransportPool<T>

  /** Sends one request to one server. Nobody needs to look after its error. */
  request<Res = any, Req = any>(key: string, payload: Req, opts?: RequestOptions | null, cb?: NoCallback): Promise<Res>
  /** Sends one request to one server. */
  request<Res = any, Req = any>(key: string, payload: Req, cb: Callback<Res>): void
  request<Res = any, Req = any>(key: string, payload: Req, opts: RequestOptions | null | undefined, cb: Callback<Res>): void

  /** Sends one request to each server, and tells of each how it went. Nobody needs to look after its error. */
  map<Res = any, Req = any>(key: string, payload: Req, opts: MapOptions & { settled: true }, cb?: NoCallback): Promise<Array<Settled<Res>>>
  /** Sends one request to each server, and tells of each how it went, in the order of the destinations. */
  map<Res = any, Req = any>(key: string, payload: Req, opts: MapOptions & { settled: true }, cb: Callback<Array<Settled<Res>>>): void
  /** Sends one request to each server. Nobody needs to look after its error. */
  map<Res = any, Req = any>(key: string, payload: Req, opts?: MapOptions | null, cb?: NoCallback): Promise<Res[]>
  /** Sends one request to each server. Results come in the order of the destinations; one error fails all. */
  map<Res = any, Req = any>(key: string, payload: Req, cb: Callback<Res[]>): void
  map<Res = any, Req = any>(key: string, payload: Req, opts: MapOptions | null | undefined, cb: Callback<Res[]>): void

  /** This transport has no streams: what comes back ends with an error. */
  stream(key: string, opts?: RequestOptions): Duplex

  /** What it did so far. */
  stats(): ClientPeerStats

  /** Hook: options of a transport's `request` out of a peer's. */
  getRequestOpts(opts: RequestOptions): TransportRequestOptions
  /** Hook: options of `dest` out of a request's. */
  getDestOpts(opts: RequestOptions): DestOptions
}

/** Answers requests: `peer.transport('server').listen(port)`. */
export class PeerRPCServer<T extends TransportRPCServer = TransportRPCServer> extends PeerServer<T, ServerConf> {
  /** What it did so far. */
  stats(): ServerStats
}

/** Publishes: `peer.transport('server').listen(port).pub(msg)`. */
export class PeerPub<T extends TransportPub = TransportPub> extends PeerServer<T, PubConf> {
  /** Publishes with the latest transport. */
  pub(msg: Publishable): void
  /** What it did so far. */
  stats(): PubStats
}

/** Options of `peer.sub`. */
export interface SubOptions extends TargetOptions {
  /** See `SubConf`. Default: the peer's. */
  reconnect?: boolean
  /**
   * Subscribes to all publishers, also to those that come later. `exclude` and `self` leave some out.
   * Default: false, to one.
   */
  all?: boolean | null
  /** With `all`: ms; mean time between two lookups. 0 is never. Default: 30000. */
  refresh?: Amount
  /** Is kept, and handed on to the transport. */
  [key: string]: unknown
}

/** `dest` is there with `all`: the publisher's address. */
export interface PeerSubEvents {
  connected: [dest?: string]
  disconnected: [dest?: string]
  /** A text message is a string, a binary one a Buffer. */
  message: [data: string | Buffer, dest?: string]
  error: [err: Error]
}

/** Subscribes to a publisher by name. */
export class PeerSub<T extends TransportSub = TransportSub> extends Peer<T, SubConf, PeerSubEvents> {
  sub(key: string, opts?: SubOptions | null): void
  /** Ends what `sub` began for this key. */
  unsub(key: string): void
  /**
   * `for await (const message of peer)`: each message from now on, until the peer stops; leaving the
   * loop does not stop it. Ends with an error when the loop is too slow, see `maxBuffered`, and
   * when a lookup of `sub` fails and nobody listens for `error`.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<string | Buffer>
  /** What it did so far. */
  stats(): SubStats
}

// Transports

declare abstract class Transport<C extends PeerConf = PeerConf, Events = {}> extends TypedEmitter<Events> {
  constructor(client: any, conf?: TransportConf<C>)

  /** The peer that made it. */
  client: any
  conf: TransportConf<C>
  /** UUID v4. */
  id: string

  init(): void
  isActive(): boolean
  active(): void
  /** Ends the transport at once. */
  stop(): void
  /** Ends the transport after what is under way; resolves when it has ended. */
  stop(opts: DrainOptions): Promise<void>
  /** `using transport`: stops it. */
  [Symbol.dispose](): void
  /** `await using transport`: stops it at once, and resolves when its connections are closed. */
  [Symbol.asyncDispose](): Promise<void>
  monitor(): void
  _stop(): void

  isConnecting(): boolean
  /** Undefined before the first connection. */
  isConnected(): boolean | undefined
  isListening(): boolean
  connecting(): void
  connected(): void
  disconnected(): void
  listening(): void
  unlistening(): void
}

declare abstract class TransportRPC<C extends PeerConf, Events = {}> extends Transport<C, Events> {
  /** Hook: the value of a message; null for what is none. */
  parse(data: any): any
  /** Hook: the message that says a value. */
  format(value: any): any
}

/** A request as `newRequest` makes it. */
export interface RPCRequest<Req = any, Res = any> {
  rid: string
  key: string
  payload: Req
  opts: TransportRequestOptions & { timeout: number }
  cb: Callback<Res>
  /** ms since 1970. */
  _ts: number
}

/** Callbacks that wait, by the name of what they wait for. */
export interface CallbackQueue {
  push(key: string, cb: (err?: any, res?: any) => void): void
  trigger(key: string, err?: any, res?: any): void
  cnt(key: string): number
}

/** Requests to one destination, over one connection at a time. */
export class TransportRPCClient extends TransportRPC<ClientConf> {
  conf: TransportConf<ClientConf> & { requestTimeout: number, inactivityTimeout: number }
  /** After `connect`; null when there is no connection. */
  socket: WebSocketLike | null | undefined
  /** Requests wait under `'req'` for the connection. */
  cbq: CallbackQueue

  /**
   * Sends a request, connecting first if need be. Nobody needs to look after its error. A class
   * that overrides this returns what `super.request` returns.
   */
  request<Res = any, Req = any>(key: string, payload: Req, opts?: TransportRequestOptions | null, cb?: NoCallback): Promise<Res>
  /** Sends a request, connecting first if need be. */
  request<Res = any, Req = any>(key: string, payload: Req, opts: TransportRequestOptions | null | undefined, cb: Callback<Res>): void
  setLastRequestTime(): void
  /** What it did so far. */
  stats(): ClientStats

  // Hooks.

  connect(): void
  disconnect(): void
  getSocket(conf: TransportConf<ClientConf>): SocketLike
  newRequest<Res = any, Req = any>(key: string, payload: Req, opts: TransportRequestOptions | null | undefined, cb: Callback<Res>): RPCRequest<Req, Res>
  addRequest(req: RPCRequest): void
  getRequest(rid: string): RPCRequest | undefined
  delRequest(req: RPCRequest): void
  sendRequest(req: RPCRequest): void
  handleReply(rid: string, err: Error | null, data?: any): void
  _request(key: string, payload: any, opts: TransportRequestOptions | null | undefined, cb: Callback): void
}

/** Answers one request. */
export interface Handler<Res = any> {
  /** The `message` of `err` travels; a text alone would be lost. */
  reply(err: { message: string } | null | undefined, res?: Res): void
}

/** A listener for `request`. */
export type RequestListener<Req = any, Res = any> = (
  rid: string,
  key: string,
  payload: Req,
  handler: Handler<Res>,
  cert: PeerCertificate | null
) => void

/** What a handler knows of a request beside its payload. */
export interface RequestContext {
  readonly rid: string
  readonly key: string
  /** The caller's certificate: null without TLS, and empty when the caller sent none. */
  readonly cert: PeerCertificate | null
  /** Aborted when the caller's connection is gone before the answer, or the server stops. */
  readonly signal: AbortSignal
}

/** Answers the requests of one key: with what it returns or resolves with, or with what it throws. */
export type RequestHandler<Req = any, Res = any> = (payload: Req, context: RequestContext) => Res | PromiseLike<Res>

export interface TransportRPCServerEvents {
  /** `cert` is null without TLS, and empty when the client sent none. */
  request: [rid: string, key: string, payload: any, handler: Handler, cert: PeerCertificate | null]
  /** A message that is no request. */
  'request-error': []
  /** The port cannot be had. */
  error: [err: Error]
}

/** Serves requests on a port. */
export class TransportRPCServer extends TransportRPC<ServerConf, TransportRPCServerEvents> {
  /** After `listen`; null after `unlisten`. */
  socket: WebSocketServerLike | null | undefined
  /** After `listen`. */
  port: number

  /**
   * Answers the requests for `key` by a function. The event `request` is for other keys then;
   * when nobody listens for it, those get `ERR_KEY_UNKNOWN`. `null` ends it, as `unhandle` does.
   */
  handle<Req = any, Res = any>(key: string, handler: RequestHandler<Req, Res> | null): this
  /** Requests for `key` are the event's again. */
  unhandle(key: string): this
  /** What it did so far. */
  stats(): ServerStats

  // Hooks.

  /** Listens on `port`. */
  listen(port: number): this
  /** Stops listening. */
  unlisten(): void
  getSocket(opts: { port: number, [key: string]: any }): ServerLike
  getSecureSocket(port: number, secure: ServerSecureOptions): ServerLike
  /** Makes a `request` event of a parsed message. */
  handleRequest(
    handler: { reply: (rid: any, err: any, res?: any) => void },
    data: any,
    meta: { cert: PeerCertificate | null }
  ): void
  sendReply(socket: SocketLike, rid: any, err: { message: string } | null | undefined, res?: any): void
}

/**
 * What can be published: strings and numbers as text, the rest as binary. Plain objects and
 * booleans cannot.
 */
export type Publishable =
  | string | number | null | undefined
  | NodeJS.ArrayBufferView | ArrayBuffer | readonly unknown[] | String | Date

export interface TransportPubEvents {
  /** The port cannot be had. */
  error: [err: Error]
  /** A subscriber is too far behind: it is ended when `lost` is 0, else it lost so many messages. */
  'slow-subscriber': [socket: WebSocketLike, lost: number]
}

/** Publishes on a port. */
export class TransportPub extends Transport<PubConf, TransportPubEvents> {
  /** After `listen`; null after `unlisten`. */
  socket: WebSocketServerLike | null | undefined
  /** After `listen`. */
  port: number

  /** Listens on `port`. */
  listen(port: number): this
  /** Stops listening. */
  unlisten(): void
  /** Sends to every subscriber. */
  pub(msg: Publishable): void
  /** What it did so far. */
  stats(): PubStats
}

/** Subscribes to one publisher. */
export class TransportSub extends Transport<SubConf, PeerSubEvents> {
  /** After `sub`; null after `unsub`. */
  socket: WebSocketLike | null | undefined

  sub(key?: string, opts?: object): void
  unsub(): void
  checkConnection(): void
  /** What it did so far. */
  stats(): SubStats
}

// Many actions

/** Options of `actions`. */
export interface ActionsOptions<Api = any> {
  /** What may be called. Default: the functions that the object itself has, without those that begin with `_`. */
  methods?: ReadonlyArray<keyof Api & string> | null
  /** The methods take a callback for their last argument. Default: false. */
  callback?: boolean | null
  /** The first argument of the methods, or what returns it. Default: none. */
  space?: ((context: RequestContext, payload: any) => any) | object | string | number | boolean | null
}

/** A request that `actions` answers. */
export interface ActionPayload {
  action: string
  args?: any
}

/** A handler for `service.handle` that answers `{ action, args }` with `api[action](...args)`. */
export function actions<Api extends object>(api: Api, opts?: ActionsOptions<Api>): RequestHandler<ActionPayload, any>

// Orderly ends

/** Anything that can be stopped: peers, links, and what is like them. */
export interface Stoppable {
  stop(opts?: any): any
}

/** Options of `gracefulShutdown`. */
export interface ShutdownOptions {
  /** What is stopped last. */
  link?: Stoppable | readonly Stoppable[] | null
  /** What is drained: servers and subscribers first, then clients and publishers. */
  peers?: Stoppable | readonly Stoppable[] | null
  /** ms for all of it; 0 stops everything at once. Default: 5000. */
  drain?: number | null
  /** Default: SIGTERM and SIGINT. */
  signals?: NodeJS.Signals | readonly NodeJS.Signals[] | null
}

export interface GracefulShutdown {
  /** Begins it without a signal; resolves at its end. */
  now(): Promise<NodeJS.Signals | null>
  /** Signals do not begin it any more. */
  remove(): void
  /** Resolves at its end, with the signal. */
  readonly done: Promise<NodeJS.Signals | null>
  /** `using`: `remove`. */
  [Symbol.dispose](): void
}

/**
 * Ends a service in order when a signal comes, after which the process may end by itself; another signal
 * meanwhile ends it at once. `cb` is called at the end, with the first thing that failed, if any.
 */
export function gracefulShutdown(
  opts?: ShutdownOptions,
  cb?: (err: Error | null, signal: NodeJS.Signals | null) => void
): GracefulShutdown

// Link

/** `new Link(conf)` */
export interface LinkConf {
  /**
   * `http://host:port` of a grape, or several as an array or a comma list; `'embedded'` for one that
   * runs in this process or in another one of this machine. Default: `''`.
   */
  grape?: string | URL | Array<string | URL> | null
  /** TCP port at which the processes of one machine meet with `'embedded'`. Default: 31001. */
  grapePort?: number | `${number}` | null
  /**
   * Users (uid) whose processes may run the embedded grape, beside this process' own and root. The
   * grape of another user is refused with `ERR_GRAPE_FOREIGN`, on Linux. Default: none.
   */
  grapeUsers?: number[]
  /** Kept for code that reads it; timeouts are exact. Default: 2000. */
  monitorTimeout?: number
  /** ms; of one exchange with one grape. Default: 2500. */
  requestTimeout?: Amount
  /** Options of Node's `https` for grapes with `https` or `wss` addresses. */
  tls?: import('https').RequestOptions
  /**
   * Whether `stopAnnouncing` takes the address back; `false` where several processes announce the
   * same name and port, as behind a load balancer. Default: true.
   */
  unannounce?: boolean
  /**
   * Whether an exception in a callback is uncaught also where the original's link drops it, which
   * here is a warning and the event `callback-error`. Default: false.
   */
  throwInCallbacks?: boolean
  /** Lookup answers kept. Default: 2500. */
  lruMaxSizeLookup?: Amount
  /** ms; how long a lookup answer is kept. Default: 10000. */
  lruMaxAgeLookup?: Amount
}

/** Options of `link.request`. */
export interface LinkRequestOptions extends AbortOptions {
  /** Attempts. Default: 1, for `lookup` and `announce` 3. */
  retry?: Retry
  /** ms; of one exchange. Default: `conf.requestTimeout`. */
  timeout?: Amount
}

export type LookupOptions = LinkRequestOptions
export interface AnnounceOptions extends LinkRequestOptions {
  /** Of `startAnnouncing`, whose options a service may have at hand. */
  interval?: Amount
}

export interface StartAnnouncingOptions extends Omit<AnnounceOptions, 'signal'> {
  /** ms; mean time between two announces. Default: 120000. */
  interval?: Amount
}

/** What is neither a value for the grapes nor a mistaken one. */
type ForeignValue = string | number | { [name: string]: unknown, k?: never, sig?: never, salt?: never, seq?: never, cas?: never }

/** A value for the DHT: `{ v }` alone, or a signed one. */
export interface PutOptions {
  v: any
  /** Public key. */
  k?: string
  /** Signature. */
  sig?: string
  salt?: string
  /** Sequence number. */
  seq?: number
  /** The sequence number that is to be replaced. */
  cas?: number
}

/** Values that are kept; the least recently used go first, and all grow old. */
export interface LinkCache<T = any> extends TypedEmitter<LinkCacheEvents<T>> {
  readonly length: number
  readonly keys: string[]
  /** How many there may be. */
  max: number
  /** ms; 0 is any age. */
  maxAge: number
  /** A value, which is used by that. */
  get(key: string): T | undefined
  /** A value, without using it. */
  peek(key: string): T | undefined
  set(key: string, value: T): T
  remove(key: string): T | undefined
  /** Takes out the least recently used. */
  evict(): void
  /** Takes a member out of all lists. */
  forget(member: string): void
  clear(): void
}

export interface LinkCacheEvents<T = any> {
  /** It made room, or is too old. */
  evict: [entry: { key: string, value: T }]
}

export interface LinkEvents {
  /** After `start`, in a later tick. */
  connect: []
  /** A callback threw, where that ends no process. */
  'callback-error': [thrown: any, about: CallbackAbout]
}

/** Which callback threw. */
export interface CallbackAbout {
  /** Of the request, such as `lookup`. */
  type: string
  payload: any
  /** The first line of the service's own in the stack. */
  place: string | null
}

/** What `link.get` reads by. */
type ValueAddress = string | { hash: string, salt?: string }

/** Options of `link.putMutable`. */
export interface PutMutableOptions {
  /** Less than 1000 bytes. */
  v: string
  /** Of ed25519; the secret one of a pair is the seed, or the seed and the public key. */
  privateKey: KeyObject | { publicKey?: NodeJS.ArrayBufferView, secretKey: NodeJS.ArrayBufferView }
  /** Sequence number. Default: that of the stored value and 1. */
  seq?: number
  /** Names one of several values of a key, 64 bytes at most. */
  salt?: string
  /** The sequence number that is to be replaced. */
  cas?: number
}

/** Options of `link.getMutable`. */
export interface GetMutableOptions extends LinkRequestOptions {
  /** Names one of several values of a key. */
  salt?: string
}

/** A value that its owner may replace. */
export interface MutableValue {
  v: string
  seq: number
  /** Public key and signature, as hex. */
  k: string
  sig: string
  salt?: string
  /** The node that had it. */
  id?: string
}

/** A public key of ed25519: a KeyObject, its 32 bytes, or these as hex. */
export type PublicKey = KeyObject | NodeJS.ArrayBufferView | string

/** A link's methods, as Promises. */
export interface LinkPromises {
  /** Stores a text that its owner may replace; resolves with its hash. */
  putMutable(value: PutMutableOptions, opts?: LinkRequestOptions | null): Promise<string>
  /** Reads it by the public key; null for none. */
  getMutable(publicKey: PublicKey, opts?: GetMutableOptions | null): Promise<MutableValue | null>
  /** Addresses of a service's servers. */
  lookup(key: string, opts?: LookupOptions | null): Promise<string[]>
  /** Announces once that this machine serves `key` at `port`; resolves with what the grape answered. */
  announce(key: string, port: number, opts?: AnnounceOptions | null): Promise<any>
  /**
   * Announces again and again. Resolves after the first announce, with false when this key and port
   * were announced already. A first announce that fails rejects, and is followed by others all the same.
   */
  startAnnouncing(key: string, port: number, opts?: StartAnnouncingOptions | null): Promise<boolean>
  /**
   * Announces no more. Resolves once a grape was told, with false when this key and port were not
   * announced; rejects when no grape answered.
   */
  stopAnnouncing(key: string, port: number): Promise<boolean>
  /** Stores a value; resolves with its hash. */
  put(value: PutOptions, opts?: LinkRequestOptions | null): Promise<string>
  /** Reads a value by its hash. */
  get<T = any>(hash: ValueAddress, opts?: LinkRequestOptions | null): Promise<T>
}

/** Talks to the grapes: finds services, announces them, stores and reads values. */
export class Link extends TypedEmitter<LinkEvents> {
  constructor(conf?: LinkConf)

  conf: Required<Omit<LinkConf, 'grapePort' | 'grapeUsers' | 'throwInCallbacks' | 'unannounce'>> & Pick<LinkConf, 'grapePort' | 'grapeUsers' | 'throwInCallbacks' | 'unannounce'>
  /** Methods that return a Promise. */
  readonly promises: LinkPromises
  /** After `start`; `lookup:"<key>"` is the key of a cached lookup. */
  cache: { lookup: LinkCache<string[]>, [type: string]: LinkCache }

  init(): void
  /** What it did so far. */
  stats(): LinkStats
  /** Keeps the process alive until `stop`. */
  start(): this
  stop(): this
  /** `using link`: stops it. */
  [Symbol.dispose](): void
  /** `await using link`: stops it. */
  [Symbol.asyncDispose](): Promise<void>

  /** One request to the grapes: `type` is the path, `payload` the data. */
  request<Res = any, Req = any>(type: string, payload: Req, opts?: LinkRequestOptions | null, cb?: Callback<Res>): void

  /** Addresses of a service's servers. A cached answer calls back before this returns. */
  lookup(key: string, opts: LookupOptions | null | undefined, cb: Callback<string[]>): void
  lookup(key: string, cb: Callback<string[]>): void

  /** Announces once that this machine serves `key` at `port`. */
  announce(key: string, port: number, opts?: AnnounceOptions | null, cb?: AnnounceCallback): void
  announce(key: string, port: number, cb: AnnounceCallback): void

  /** Announces again and again; `cb` after the first. False: this key and port are announced already. */
  startAnnouncing(key: string, port: number, opts?: StartAnnouncingOptions | null, cb?: (err?: Error | null) => void): false | void
  startAnnouncing(key: string, port: number, cb: (err?: Error | null) => void): false | void
  /** Ends the announces of everything at `port`, as `stopAnnouncing`. */
  stopAnnouncingPort(port: number): void
  /** Also takes the address back; grapes of the original let it age. False: this key and port are not announced. */
  stopAnnouncing(key: string, port: number): false | void

  /** Stores a value; the answer is its hash. */
  put(value: PutOptions, cb: Callback<string>): void
  put(value: PutOptions, opts: LinkRequestOptions | null | undefined, cb: Callback<string>): void
  /** @deprecated The types of the original take any value, but a grape only stores what is in `v`. */
  put(value: ForeignValue, cb: Callback<string>): void
  /** Reads a value by its hash. */
  /** Stores a text that its owner may replace, signed. */
  putMutable(value: PutMutableOptions, cb?: Callback<string>): void
  putMutable(value: PutMutableOptions, opts: LinkRequestOptions | null | undefined, cb?: Callback<string>): void
  /** Reads it by the public key; null for none. */
  getMutable(publicKey: PublicKey, cb: Callback<MutableValue | null>): void
  getMutable(publicKey: PublicKey, opts: GetMutableOptions | null | undefined, cb: Callback<MutableValue | null>): void
  get<T = any>(hash: ValueAddress, cb: Callback<T>): void
  get<T = any>(hash: ValueAddress, opts: LinkRequestOptions | null | undefined, cb: Callback<T>): void

  /** Hook: the name under which equal requests share one exchange, and answers are cached. */
  getRequestHash(type: string, payload: any): string
  /** A destination cannot be reached: takes it out of the cached answers. */
  forget(dest: string): void

  /** Hook: carries one exchange, and so all traffic. */
  _post(url: string, data: { rid: string, data: any }, opts: { timeout: number, headers?: OutgoingHttpHeaders }, cb: Callback): any
}

// Grape

/** `new Grape(conf)` */
export interface GrapeConf {
  /** TCP port of the HTTP API. 0 takes any free one. */
  api_port: number
  /**
   * Names of the API in a browser beside its addresses, `localhost` and `host`. On loopback the
   * `Host` of a request has to be one of those. Default: none.
   */
  api_hosts?: string[]
  /** UDP port of the node; 0 takes any free one. Default: 20001. */
  dht_port?: number | `${number}` | null
  /** Other nodes, as `host:port`. Default: none. */
  dht_bootstrap?: string[]
  /** Address that both ports are bound to. Default: every interface. */
  host?: string | null
  /** Names whose nodes are remembered for their next announce. Default: 5000. */
  dht_maxTables?: Amount
  /** Stored values. Default: 5000. */
  dht_maxValues?: Amount
  /** Queries of one lookup at once. Default: 16. */
  dht_concurrency?: Amount
  /** ms; a node that was silent for so long is pinged. Default: 300000. */
  dht_nodeLiveness?: Amount
  /** ms; announced addresses are forgotten after about so long. Default: 120000, of the command 360000. */
  dht_peer_maxAge?: Amount
  /** Queries a second that one address may ask; this machine may ask 20 times as many. Default: 5000. */
  dht_rateLimit?: Amount
  /** File in which known nodes and the own id survive a restart. Default: none. */
  dht_state?: string | null
  /** Bytes; largest body of a request. Default: 8192. */
  check_maxPayloadSize?: Amount | Size
  /** Whether a running grape keeps the process alive. Default: true. */
  keepAlive?: boolean
  /** Taken and ignored: signatures are verified in any case. */
  verify?: (...args: any[]) => boolean
}

export interface GrapeEvents {
  /** Both ports are bound. */
  listening: []
  /** The first look around in the network is done. */
  ready: []
  /** A new node is known; it is not said which, but listeners may ask for an argument. */
  node: [none?: any]
  /** A lookup heard of `ip:port`. */
  peer: [address: string]
  /** Somebody announced this name. */
  announce: [key: string]
  /** A datagram that cannot be right, or a damaged state file. */
  warning: [text: string]
}

/** A value that was read from the DHT. */
export interface GrapeValue {
  /** Id of the node that had it. */
  id: string
  v: string
  /** Of a signed value: public key, signature and sequence number. */
  k?: string
  sig?: string
  seq?: number
  salt?: string
  token?: string | null
}

/** Bytes as they are, as hex, or as numbers. */
export type Bytes = NodeJS.ArrayBufferView | string | number[]

/** A value for the DHT: `{ v }` alone, or a signed one (BEP 44). */
export interface GrapePutOptions {
  v: any
  k?: Bytes
  sig?: Bytes
  /** Signs what it is given, instead of `sig`. */
  sign?: (message: Buffer) => Buffer
  salt?: NodeJS.ArrayBufferView | string
  seq?: number
  cas?: number
}

/** A node of the network in which services find each other, with its HTTP API. */
export class Grape extends TypedEmitter<GrapeEvents> {
  constructor(conf: GrapeConf)

  conf: GrapeConf
  start(cb?: (err?: Error | null) => void): void
  stop(cb?: (err?: Error | null) => void): void
  /** `await using grape`: stops it, and resolves when its ports are free. */
  [Symbol.asyncDispose](): Promise<void>
  /** Where it is, each as `host:port`; null when it does not run. */
  address(): { dht: string, api: string } | null

  /** Announces a service on the grape's own machine; `nodes` is how many took it. */
  announce(key: string, port: number, cb?: Callback<number>): void
  /** Takes an announce back; grapes of the original let it age. */
  unannounce(key: string, port: number, cb?: Callback<number>): void
  /** At most 100 addresses. `order: 'fresh'`: who announced itself last comes first. */
  lookup(key: string, cb: Callback<string[]>): void
  lookup(key: string, opts: { order?: 'fresh' }, cb: Callback<string[]>): void
  /** Stores a value; the answer is its hash. */
  put(opts: GrapePutOptions | NodeJS.ArrayBufferView | string, cb?: Callback<string>): void
  /** Reads a value by its hash; undefined when there is none. */
  get(
    hash: string | NodeJS.ArrayBufferView | { hash: string | NodeJS.ArrayBufferView, salt?: string | NodeJS.ArrayBufferView },
    cb: Callback<GrapeValue | undefined>
  ): void

  /** A name in hex, as `node` takes it. */
  str2hex(name: string): string
  /** The name that `str2hex` made this of. */
  hex2str(hex: string): string
  /** The node by itself, as services of the original call it; undefined when the grape does not run. */
  node?: GrapeNode
  /** Whether it runs. */
  readonly _active: boolean
  /** `http` is the server of the API while it runs. */
  readonly _interface: {
    http?: { readonly listening: boolean, address(): AddressInfo | null, close(cb?: (err?: Error | null) => void): unknown }
  }
}

/** Names are hex, of `grape.str2hex`, or bytes. */
export interface GrapeNode extends EventEmitter {
  address(): AddressInfo
  announce(name: string | NodeJS.ArrayBufferView, port: number, cb?: Callback<number>): void
  announce(name: string | NodeJS.ArrayBufferView, cb?: Callback<number>): void
  /** `count` is how many addresses there are. */
  lookup(name: string | NodeJS.ArrayBufferView, cb?: Callback<number>): void
  put(opts: GrapePutOptions, cb?: Callback<Buffer>): void
  get(hash: string | NodeJS.ArrayBufferView, cb: Callback<GrapeValue | undefined>): void
  get(hash: string | NodeJS.ArrayBufferView, opts: { salt?: string | NodeJS.ArrayBufferView }, cb: Callback<GrapeValue | undefined>): void
}

export type { Peer, Transport, TransportRPC }
