// Common members of all peers, and of all transports.

import { Amount, Callback, DrainOptions, Retry } from './common'
import { DestOptions, RequestOptions, TransportOptions } from './client'
import { TypedEmitter } from './emitter'
import { LookupOptions } from './link'
import { OwnConf } from './own'

export {}

/** The members of a link that a peer needs. */
export interface LinkLike {
  lookup(key: string, opts: LookupOptions, cb: Callback<string[]>): void
}

/**
 * Options of every peer. `OwnConf` has a service's own ones, which are kept and passed on to the
 * transports.
 */
export interface PeerConf extends OwnConf {
  /**
   * The driver of the sockets: Node's own event loop, or a thread beside it. Default: `libuv` where
   * possible; the environment variable GRENACHE_IO overrides it for all.
   */
  io?: 'libuv' | 'tokio' | undefined
  /**
   * Microseconds; how long the event loop polls for the next message after each one, instead of
   * sleeping. A wake-up is most of the latency between two processes of one machine; the price is a
   * busy core while messages arrive. 0 is never. By default the loop learns whether it pays: it
   * polls for 50 us (150 with `secure`) while that finds a message in two of three times, and
   * otherwise only during 2 of 256 ms, to see whether it would. Not with `io: 'tokio'`, unless
   * `secure`.
   */
  busyPoll?: Amount | undefined
  /**
   * Bytes of the largest accepted message; a larger one closes its connection with 1009.
   * Default: 100 MiB; 0 is V8's longest string.
   */
  maxPayload?: Amount | undefined
  /**
   * ms; a connection that is silent for this long is pinged, and closed after as long again without
   * an answer, unless requests are pending on it or output is buffered. 0 is never. Default: 30000.
   */
  heartbeatInterval?: Amount | undefined
  /**
   * ms; how long connecting by TCP may take, for each address of a name; 0 is the system's limit.
   * Default: 10000; 3000 at most for a client's request that had several destinations to choose
   * from.
   */
  connectTimeout?: Amount | undefined
  /** ms; how long the opening handshake may take. 0 is no limit. Default: 10000. */
  handshakeTimeout?: Amount | undefined
  /**
   * Most bytes of buffered output for a slow receiver: above it, its own requests are neither read
   * nor passed to the service, and a subscriber is disconnected or loses messages. Default: 16 MiB.
   */
  highWater?: Amount | undefined
  /**
   * Most bytes that all connections of the peer may hold together: incomplete messages, unread
   * replies, and unanswered requests, also of closed connections. If closed connections hold more
   * than half of it, a server stops reading the addresses that sent most of that. Above the limit,
   * connections that hold much and have freed nothing for long are closed with `ERR_MEMORY_BUDGET`.
   * 0 is any number. Default: 512 MiB.
   */
  memoryBudget?: Amount | undefined
  /** @deprecated Used in the original's examples, but has no effect: use `requestTimeout`. */
  timeout?: Amount | undefined
  /** @deprecated In the original's types, but has no effect: it is an option of `request`. */
  retry?: Retry | undefined
}

/** A transport's conf: its peer's, with the destination, or `server` for one that listens. */
export type TransportConf<C extends PeerConf = PeerConf> = C & { dest?: string }

/** Which destinations of a lookup to skip. */
export interface TargetOptions {
  /** Addresses to skip, as `host:port`. */
  exclude?: string | readonly string[] | null | undefined
  /** `false`: skips servers that the peer's link announces on this machine. Default: true. */
  self?: boolean | null | undefined
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
  /** Stops the peer at once. */
  stop(): void
  /** Stops the peer after pending work, see `DrainOptions`; resolves when it has stopped. */
  stop(opts: DrainOptions): Promise<void>
  /** `using peer`: stops it. */
  [Symbol.dispose](): void
  /** `await using peer`: stops it at once, and resolves when its connections are closed. */
  [Symbol.asyncDispose](): Promise<void>

  // Hooks: overridable, and called for every request.

  /** A transport to `dest`; `'server'` for one that listens. */
  transport(dest: string, opts?: TransportOptions): T
  newTransport(conf: TransportConf<C>): T
  getTransportClass(): new (client: any, conf?: any) => T
  /** Derives the options of `transport` from a request's. */
  getTransportOpts(opts: RequestOptions): any
  /** Chooses one of the destinations. */
  dest(dests: string[], key: string, opts?: DestOptions): string
  _stop(): void
}

export abstract class PeerServer<T extends Transport, C extends PeerConf> extends Peer<T, C> {
  /** The port of the latest transport; undefined before it listens. A service may set its own. */
  port: number | undefined

  /** Makes the latest transport listen, and returns it. */
  listen(port: number): T
  /** @deprecated In the original's types, but neither package has it: it throws. */
  listen(key: string, handler: (payload: any, cb: Callback) => void): void
}

export abstract class Transport<C extends PeerConf = PeerConf, Events = {}> extends TypedEmitter<Events> {
  constructor(client: any, conf?: TransportConf<C>)

  /** The peer that created it. */
  client: any
  conf: TransportConf<C>
  /** UUID v4. */
  id: string

  init(): void
  isActive(): boolean
  active(): void
  /** Stops the transport at once. */
  stop(): void
  /** Stops the transport after pending work; resolves when it has stopped. */
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
  /** Hook: parses a message; null if it is invalid. */
  parse(data: any): any
  /** Hook: serializes a value as a message. */
  format(value: any): any
}
