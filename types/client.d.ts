// Requests to services.

import { Duplex } from 'stream'
import { AbortOptions, Amount, Callback, NoCallback, Retry } from './common'
import { BareKey, Contract, ContractOf, FreeKey, KeyOf, ReplyOf, RequestOf, TransportOf } from './contract'
import { Peer, PeerConf, TargetOptions, TransportConf, TransportRPC } from './peer'
import { SocketLike, WebSocketLike } from './sockets'
import { ClientPeerStats, ClientStats } from './stats'
import { ClientSecureOptions } from './tls'

export {}

/** `new PeerRPCClient(link, conf)` */
export interface ClientConf extends PeerConf {
  /**
   * Once this many destinations of a key have connections, only those are chosen; 0 is never.
   * Default: 5.
   */
  maxActiveKeyDests?: Amount | undefined
  /** Connections per destination, at least one. Default: 3. */
  maxActiveDestTransports?: Amount | undefined
  /** ms; timeout of a request without its own. 0 is no limit. Default: 60000. */
  requestTimeout?: Amount | undefined
  /** ms; a transport without requests for this long is stopped. Default: 120000. */
  inactivityTimeout?: Amount | undefined
  /**
   * Most pending requests of the peer; further ones fail with `ERR_REQUESTS_LIMIT`. Default: 0, any
   * number.
   */
  maxRequests?: Amount | undefined
  /** The same for each connection. Default: 1048576. */
  maxConnectionRequests?: Amount | undefined
  /**
   * How to choose among the destinations of a key: at random, the one with the fewest pending
   * requests of this client, or each in turn. In any case, destinations that failed lately are
   * skipped, and `retry` uses another one; see `maxActiveKeyDests` too. Default: `random`.
   */
  balance?: 'random' | 'least-pending' | 'round-robin' | undefined
  /** TLS; default: none. */
  secure?: ClientSecureOptions | undefined
}

/** Options of a transport's `request`. */
export interface TransportRequestOptions extends AbortOptions {
  /**
   * ms, counted from the call. 0 is no limit; a negative one fails at once.
   * Default: `conf.requestTimeout`.
   */
  timeout?: Amount | undefined
}

/** Options of `peer.transport`. */
export interface TransportOptions {
  /** Connections per destination. Default: `conf.maxActiveDestTransports`. */
  maxActiveDestTransports?: Amount | undefined
}

/** Options of `peer.dest`. */
export interface DestOptions {
  /** See `ClientConf`. Default: `conf.maxActiveKeyDests`. */
  maxActiveKeyDests?: Amount | undefined
}

/** Options of `peer.request`. */
export interface RequestOptions extends TransportRequestOptions, TransportOptions, DestOptions, TargetOptions {
  /** Sends the request to this `host:port`, without a lookup. */
  dest?: string | null | undefined
  /** Attempts, of which the lookup is a part. Default: 1. */
  retry?: Retry | undefined
  /** ms; the time that may pass until somebody serves the key. Default: none. */
  waitFor?: Amount | undefined
}

/** Options of `peer.map`. */
export interface MapOptions extends TransportRequestOptions, TransportOptions, TargetOptions {
  /** Number of destinations, chosen at random. Default: all. */
  limit?: Amount | undefined
  /**
   * Returns the result or error of each destination, instead of failing with the first error.
   * Default: false.
   */
  settled?: boolean | null | undefined
  /** ms; the time that may pass until somebody serves the key. Default: none. */
  waitFor?: Amount | undefined
}

/** Result of one destination of a `map` with `settled`. */
export type Settled<Res = any> =
  | { dest: string, status: 'fulfilled', value: Res }
  | { dest: string, status: 'rejected', reason: Error }

/** The transports of a client, by destination. */
export interface TransportPool<T = TransportRPCClient> {
  /** The transports to all destinations. */
  all(): T[]
  list(dest: string): T[]
  hasActive(dest: string): boolean
  getActive(dest: string): T[]
}

/**
 * Sends requests to services by name. With a contract, `PeerRPCClient<{ sum: [number[], number]
 * }>`, the compiler checks keys, payloads and results; a class of transports can be given instead
 * of the contract.
 *
 * @example
 * import { Link, PeerRPCClient } from 'grenache-nodejs-ws-native'
 *
 * const link = new Link({ grape: 'http://127.0.0.1:30001' }).start()
 * const client = new PeerRPCClient(link, { requestTimeout: 5000 })
 * client.init()
 * try {
 *   console.log(await client.request('rpc_test', 'hello', { retry: 2 }))
 *   console.log(await client.map('rpc_test', 'hello'))
 * } catch (err) {
 *   console.log((err as Error).message) // ERR_GRAPE_LOOKUP_EMPTY: nobody announced it
 * }
 * client.stop()
 * link.stop()
 */
export class PeerRPCClient<
  S extends Contract<S> | TransportRPCClient = any,
  T extends TransportRPCClient = TransportOf<S, TransportRPCClient, TransportRPCClient<ContractOf<S>>>
> extends Peer<T, ClientConf> {
  conf: ClientConf & { maxActiveKeyDests: number, maxActiveDestTransports: number }
  /** After `init`. */
  tpool: TransportPool<T>

  /** Sends one request to one server. An unhandled rejection of the Promise is not reported. */
  request<Res = any, Req = any>(key: FreeKey<S>, payload: Req, opts?: RequestOptions | null, cb?: NoCallback): Promise<Res>
  /** Sends one request to one server. */
  request<Res = any, Req = any>(key: FreeKey<S>, payload: Req, cb: Callback<Res>): void
  request<Res = any, Req = any>(key: FreeKey<S>, payload: Req, opts: RequestOptions | null | undefined, cb: Callback<Res>): void
  /** Sends one request to one server. An unhandled rejection of the Promise is not reported. */
  request<Key extends KeyOf<S>>(key: Key, payload: RequestOf<S, Key>, opts?: RequestOptions | null, cb?: NoCallback): Promise<ReplyOf<S, Key>>
  /** Sends one request to one server. */
  request<Key extends KeyOf<S>>(key: Key, payload: RequestOf<S, Key>, cb: Callback<ReplyOf<S, Key>>): void
  /** Sends one request without a payload, which the contract says it may go without. */
  request<Key extends BareKey<S>>(key: Key): Promise<ReplyOf<S, Key>>
  // Again, for the compiler names a mistake in `opts` by the last overload that has as many arguments.
  request<Key extends KeyOf<S>>(key: Key, payload: RequestOf<S, Key>, opts?: RequestOptions | null, cb?: NoCallback): Promise<ReplyOf<S, Key>>
  request<Key extends KeyOf<S>>(key: Key, payload: RequestOf<S, Key>, opts: RequestOptions | null | undefined, cb: Callback<ReplyOf<S, Key>>): void

  /**
   * Sends one request to each server, and returns the result or error of each. An unhandled
   * rejection of the Promise is not reported.
   */
  map<Res = any, Req = any>(key: FreeKey<S>, payload: Req, opts: MapOptions & { settled: true }, cb?: NoCallback): Promise<Array<Settled<Res>>>
  /**
   * Sends one request to each server, and returns the result or error of each, in the order of the
   * destinations.
   */
  map<Res = any, Req = any>(key: FreeKey<S>, payload: Req, opts: MapOptions & { settled: true }, cb: Callback<Array<Settled<Res>>>): void
  /** Sends one request to each server. An unhandled rejection of the Promise is not reported. */
  map<Res = any, Req = any>(key: FreeKey<S>, payload: Req, opts?: MapOptions & { settled?: false | null | undefined } | null, cb?: NoCallback): Promise<Res[]>
  /**
   * Sends one request to each server. Results are in the order of the destinations; one error fails
   * all.
   */
  map<Res = any, Req = any>(key: FreeKey<S>, payload: Req, cb: Callback<Res[]>): void
  /** The same: what `settled` decides is known at run time only. */
  map<Res = any, Req = any>(key: FreeKey<S>, payload: Req, opts: MapOptions, cb?: NoCallback): Promise<Array<Res | Settled<Res>>>
  map<Res = any, Req = any>(key: FreeKey<S>, payload: Req, opts: MapOptions & { settled?: false | null | undefined } | null | undefined, cb: Callback<Res[]>): void
  map<Res = any, Req = any>(key: FreeKey<S>, payload: Req, opts: MapOptions, cb: Callback<Array<Res | Settled<Res>>>): void
  /**
   * Sends one request to each server, and returns the result or error of each. An unhandled
   * rejection of the Promise is not reported.
   */
  map<Key extends KeyOf<S>>(key: Key, payload: RequestOf<S, Key>, opts: MapOptions & { settled: true }, cb?: NoCallback): Promise<Array<Settled<ReplyOf<S, Key>>>>
  /**
   * Sends one request to each server, and returns the result or error of each, in the order of the
   * destinations.
   */
  map<Key extends KeyOf<S>>(key: Key, payload: RequestOf<S, Key>, opts: MapOptions & { settled: true }, cb: Callback<Array<Settled<ReplyOf<S, Key>>>>): void
  /** Sends one request to each server. An unhandled rejection of the Promise is not reported. */
  map<Key extends KeyOf<S>>(key: Key, payload: RequestOf<S, Key>, opts?: MapOptions & { settled?: false | null | undefined } | null, cb?: NoCallback): Promise<ReplyOf<S, Key>[]>
  /**
   * Sends one request to each server. Results are in the order of the destinations; one error fails
   * all.
   */
  map<Key extends KeyOf<S>>(key: Key, payload: RequestOf<S, Key>, cb: Callback<ReplyOf<S, Key>[]>): void
  /** The same: what `settled` decides is known at run time only. */
  map<Key extends KeyOf<S>>(key: Key, payload: RequestOf<S, Key>, opts: MapOptions, cb?: NoCallback): Promise<Array<ReplyOf<S, Key> | Settled<ReplyOf<S, Key>>>>
  map<Key extends KeyOf<S>>(key: Key, payload: RequestOf<S, Key>, opts: MapOptions & { settled?: false | null | undefined } | null | undefined, cb: Callback<ReplyOf<S, Key>[]>): void
  map<Key extends KeyOf<S>>(key: Key, payload: RequestOf<S, Key>, opts: MapOptions, cb: Callback<Array<ReplyOf<S, Key> | Settled<ReplyOf<S, Key>>>>): void

  /** Not supported by this transport: the returned stream emits an error. */
  stream(key: string, opts?: RequestOptions): Duplex

  /** Statistics since it was created. */
  stats(): ClientPeerStats

  /** Hook: derives the options of a transport's `request` from a peer's. */
  getRequestOpts(opts: RequestOptions): TransportRequestOptions
  /** Hook: derives the options of `dest` from a request's. */
  getDestOpts(opts: RequestOptions): DestOptions
}

/** A request, as created by `newRequest`. */
export interface RPCRequest<Req = any, Res = any> {
  rid: string
  key: string
  payload: Req
  opts: TransportRequestOptions & { timeout: number }
  cb: Callback<Res>
  /** ms since 1970. */
  _ts: number
}

/** Waiting callbacks, by the name of the event that they wait for. */
export interface CallbackQueue {
  push(key: string, cb: (err?: any, res?: any) => void): void
  trigger(key: string, err?: any, res?: any): void
  cnt(key: string): number
}

/**
 * Requests to one destination, over one connection at a time: `client.transport(dest)`.
 *
 * @example
 * import { Link, PeerRPCClient, PeerRPCServer } from 'grenache-nodejs-ws-native'
 *
 * const link = new Link({ grape: 'http://127.0.0.1:30001' })
 * const server = new PeerRPCServer(link, { host: '127.0.0.1' })
 * server.init()
 * const service = server.transport('server').listen(0)
 * service.handle('echo', payload => payload)
 *
 * const client = new PeerRPCClient(link)
 * client.init()
 * const transport = client.transport(`127.0.0.1:${service.port}`)
 * console.log(await transport.request('echo', 'hello', { timeout: 1000 })) // hello
 * client.stop()
 * server.stop()
 */
export class TransportRPCClient<S extends Contract<S> = any> extends TransportRPC<ClientConf> {
  conf: TransportConf<ClientConf> & { requestTimeout: number, inactivityTimeout: number }
  /** After `connect`; null while there is no connection. */
  socket: WebSocketLike | null | undefined
  /** Requests queued for the connection are under `'req'`. */
  cbq: CallbackQueue

  /**
   * Sends a request, connecting first if necessary. An unhandled rejection of the Promise is not
   * reported. A class that overrides this returns the result of `super.request`.
   */
  request<Res = any, Req = any>(key: FreeKey<S>, payload: Req, opts?: TransportRequestOptions | null, cb?: NoCallback): Promise<Res>
  /** Sends a request, connecting first if necessary. */
  request<Res = any, Req = any>(key: FreeKey<S>, payload: Req, opts: TransportRequestOptions | null | undefined, cb: Callback<Res>): void
  /**
   * Sends a request, connecting first if necessary. An unhandled rejection of the Promise is not
   * reported. A class that overrides this returns the result of `super.request`.
   */
  request<Key extends KeyOf<S>>(key: Key, payload: RequestOf<S, Key>, opts?: TransportRequestOptions | null, cb?: NoCallback): Promise<ReplyOf<S, Key>>
  /** Sends a request, connecting first if necessary. */
  request<Key extends KeyOf<S>>(key: Key, payload: RequestOf<S, Key>, opts: TransportRequestOptions | null | undefined, cb: Callback<ReplyOf<S, Key>>): void
  setLastRequestTime(): void
  /** Statistics since it was created. */
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
