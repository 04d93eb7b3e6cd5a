// What all peers, and all transports, have.

import { Amount, Callback, DrainOptions, Retry } from './common'
import { DestOptions, RequestOptions, TransportOptions } from './client'
import { TypedEmitter } from './emitter'
import { LookupOptions } from './link'
import { OwnConf } from './own'

export {}

/** What a peer needs of a link. */
export interface LinkLike {
  lookup(key: string, opts: LookupOptions, cb: Callback<string[]>): void
}

/**
 * Options of every peer. `OwnConf` has those of a service itself, which are kept and handed on to the
 * transports.
 */
export interface PeerConf extends OwnConf {
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
  /** @deprecated Examples of the original have it, but it changes nothing: `requestTimeout` is the one. */
  timeout?: Amount
  /** @deprecated The types of the original have it, but it changes nothing: it is an option of `request`. */
  retry?: Retry
}

/** What a transport has of its peer's conf, and where it goes: `server` for one that listens. */
export type TransportConf<C extends PeerConf = PeerConf> = C & { dest?: string }

/** Which destinations of a lookup are not asked. */
export interface TargetOptions {
  /** Addresses that are not asked, as `host:port`. */
  exclude?: string | readonly string[] | null
  /** `false`: not what the peer's link announces on this machine. Default: true. */
  self?: boolean | null
}

export abstract class Peer<T extends Transport, C extends PeerConf, Events = {}> extends TypedEmitter<Events> {
  constructor(link: LinkLike, conf?: C)

  conf: C
  link: any

  /** After `stop`, until `init`. */
  isStopped: boolean

  /** Makes the peer active; to be called before anything else. */
  init(): void
  /** Whether it is between `init` and `stop`. */
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

export abstract class PeerServer<T extends Transport, C extends PeerConf> extends Peer<T, C> {
  /** The port of the latest transport; undefined before it listens. A service may keep its own here. */
  port: number | undefined

  /** Lets the latest transport listen, and returns it. */
  listen(port: number): T
  /** @deprecated The types of the original have it, but neither package does: it throws. */
  listen(key: string, handler: (payload: any, cb: Callback) => void): void
}

export abstract class Transport<C extends PeerConf = PeerConf, Events = {}> extends TypedEmitter<Events> {
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

export abstract class TransportRPC<C extends PeerConf, Events = {}> extends Transport<C, Events> {
  /** Hook: the value of a message; null for what is none. */
  parse(data: any): any
  /** Hook: the message that says a value. */
  format(value: any): any
}
