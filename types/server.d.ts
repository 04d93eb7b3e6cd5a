// Serving requests.

import { PeerCertificate } from 'tls'
import { Amount } from './common'
import { Contract, ContractOf, FreeKey, Handlers, KeyOf, ReplyOf, RequestOf, TransportOf } from './contract'
import { LinkLike, PeerConf, PeerServer, TransportRPC } from './peer'
import { ServerLike, SocketLike, WebSocketServerLike } from './sockets'
import { ServerStats } from './stats'
import { PlainVerifyClient, PlainVerifyClientInfo, ServerSecureOptions, VerifyClient, VerifyClientInfo } from './tls'

export {}

/** `new PeerRPCServer(link, conf)` */
export interface ServerConf extends PeerConf {
  /** Address to listen on. Default: all interfaces. */
  host?: string | undefined
  /** Most connected clients; further ones are closed with 1013. Default: 0, any number. */
  maxConnections?: Amount | undefined
  /**
   * Which pages may connect, by their origin: a list, a function, or `'*'` for all. Clients without
   * an origin are no pages. Default: over the loopback interface pages of `localhost`, 127.0.0.0/8
   * and `[::1]`, over others all.
   */
  origins?: '*' | string[] | ((origin: string, info: PlainVerifyClientInfo | VerifyClientInfo) => boolean | Promise<boolean>) | undefined
  /**
   * Decides whether a client may connect, within `handshakeTimeout`; with `secure`, the one in
   * there decides. Default: everybody may.
   */
  verifyClient?: PlainVerifyClient | undefined
  /**
   * Most unanswered requests of one connection: with so many it is not read until one is answered
   * or no longer counts, see `requestTimeout`. 0 is any number. Default: 1048576.
   */
  maxConnectionRequests?: Amount | undefined
  /**
   * Most memory of these requests, in bytes: their own, 64 for each array, object and property, 24
   * for each further element, and 1 KiB for one of up to 256 bytes. 0 is any number.
   * Default: 64 MiB.
   */
  maxRequestBytes?: Amount | undefined
  /**
   * ms; an unanswered request counts for this long, at most for twice that. Default: 60000, as
   * clients'.
   */
  requestTimeout?: Amount | undefined
  /** TLS; default: none. */
  secure?: ServerSecureOptions | undefined
}

/** Options of a server with TLS whose `verifyClient` stands beside `secure`. */
export interface SecuredServer extends Omit<ServerConf, 'secure' | 'verifyClient'> {
  secure: Omit<ServerSecureOptions, 'verifyClient'>
  verifyClient: VerifyClient
}

/**
 * Serves requests: `peer.transport('server').listen(port)`. With a contract the compiler checks the
 * handlers, see `Contract`; a class of transports can be given instead.
 *
 * @example
 * import { Link, PeerRPCServer } from 'grenache-nodejs-ws-native'
 *
 * const link = new Link({ grape: 'http://127.0.0.1:30001' }).start()
 * const server = new PeerRPCServer(link)
 * server.init()
 * const service = server.transport('server').listen(0)
 * service.on('error', err => console.error(err.message))
 * service.on('request', (rid, key, payload, handler) => {
 *   handler.reply(null, 'world')
 * })
 * await link.promises.startAnnouncing('rpc_test', service.port)
 *
 * await link.promises.stopAnnouncing('rpc_test', service.port)
 * await server.stop({ drain: 5000 })
 * link.stop()
 */
export class PeerRPCServer<
  S extends Contract<S> | TransportRPCServer = any,
  T extends TransportRPCServer = TransportOf<S, TransportRPCServer, TransportRPCServer<ContractOf<S>>>
> extends PeerServer<T, ServerConf> {
  constructor(link: LinkLike, conf: SecuredServer)
  constructor(link: LinkLike, conf?: ServerConf)

  /** Statistics since it was created. */
  stats(): ServerStats
}

/** Replies to one request. */
export interface Handler<Res = any> {
  /** Only the `message` of `err` is sent; a plain string would be lost. */
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

/** Data of a request besides its payload. */
export interface RequestContext {
  readonly rid: string
  readonly key: string
  /** The caller's certificate: null without TLS, and empty when the caller sent none. */
  readonly cert: PeerCertificate | null
  /** Aborted when the caller disconnects before the reply, or the server stops. */
  readonly signal: AbortSignal
}

/** Handles the requests of one key: replies with its result, or with the error that it throws. */
export type RequestHandler<Req = any, Res = any> = (payload: Req, context: RequestContext) => Res | PromiseLike<Res>

export interface TransportRPCServerEvents<S = any> {
  /**
   * `cert` is null without TLS, and empty when the client sent none. With a contract, `payload` and
   * the result are those of any of its keys: `handle` knows which.
   */
  request: [rid: string, key: KeyOf<S>, payload: RequestOf<S, keyof S>, handler: Handler<ReplyOf<S, keyof S>>, cert: PeerCertificate | null]
  /** A message that is no request was received. */
  'request-error': []
  /** Listening failed. */
  error: [err: Error]
}

/**
 * Options of a server's `getSocket`. Options of `ws`'s server that are not supported here throw
 * `ERR_UNSUPPORTED`.
 */
export interface ServerSocketInit {
  port: number
  /** Address to listen on. Default: `conf.host`. */
  host?: string | undefined
  /** Default: `conf.maxPayload`. */
  maxPayload?: Amount | undefined
  /** Default: `conf.verifyClient`. */
  verifyClient?: PlainVerifyClient | undefined
  /** The only path that is served; others get 400. Default: every path. */
  path?: string | null | undefined
  /** Whether the server has a Set of its `clients`. Default: true. */
  clientTracking?: boolean | undefined
  /** No effect: compression is never negotiated. */
  perMessageDeflate?: boolean | object | undefined
  /** No effect. */
  backlog?: number | undefined
}

/**
 * Serves requests on a port: `server.transport('server')`.
 *
 * @example
 * import { Link, PeerRPCServer } from 'grenache-nodejs-ws-native'
 *
 * const server = new PeerRPCServer(new Link({ grape: 'http://127.0.0.1:30001' }))
 * server.init()
 * const service = server.transport('server').listen(0)
 * service
 *   .handle('sum', async ({ a, b }: { a: number, b: number }, { signal }) => {
 *     signal.throwIfAborted()
 *     return a + b
 *   })
 *   .handle('now', () => Date.now())
 * server.stop()
 */
export class TransportRPCServer<S extends Contract<S> = any> extends TransportRPC<ServerConf, TransportRPCServerEvents<S>> {
  /** After `listen`; null after `unlisten`. */
  socket: WebSocketServerLike | null | undefined
  /** After `listen`. */
  port: number

  /**
   * Handles requests for `key` with a function. The event `request` is then for other keys; without
   * a listener for it, those get `ERR_KEY_UNKNOWN`. `null` removes the handler, as `unhandle` does.
   */
  handle<Req = any, Res = any>(key: FreeKey<S>, handler: RequestHandler<Req, Res> | null): this
  /** The same, typed by the contract. */
  handle<Key extends KeyOf<S>>(key: Key, handler: RequestHandler<RequestOf<S, Key>, ReplyOf<S, Key>> | null): this
  /** Handles requests with the functions of an object, by its keys: with a contract, with all of its keys. */
  handle(handlers: Handlers<S>): this
  /** Requests for `key` are emitted as events again. */
  unhandle(key: KeyOf<S>): this
  /** Statistics since it was created. */
  stats(): ServerStats

  // Hooks.

  /** Listens on `port`. */
  listen(port: number): this
  /** Stops listening. */
  unlisten(): void
  /**
   * Creates the server for `opts.port`: your own, or that of `super.getSocket` with more options.
   */
  getSocket(opts: ServerSocketInit): ServerLike
  getSecureSocket(port: number, secure: ServerSecureOptions): ServerLike
  /** Emits `request` for a parsed message. */
  handleRequest(
    handler: { reply: (rid: any, err: any, res?: any) => void },
    data: any,
    meta: { cert: PeerCertificate | null }
  ): void
  sendReply(socket: SocketLike, rid: any, err: { message: string } | null | undefined, res?: any): void
}
