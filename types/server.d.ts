// Answers to requests.

import { PeerCertificate } from 'tls'
import { Amount } from './common'
import { PeerConf, PeerServer, TransportRPC } from './peer'
import { ServerLike, SocketLike, WebSocketServerLike } from './sockets'
import { ServerStats } from './stats'
import { PlainVerifyClient, PlainVerifyClientInfo, ServerSecureOptions, VerifyClientInfo } from './tls'

export {}

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

/** Answers requests: `peer.transport('server').listen(port)`. */
export class PeerRPCServer<T extends TransportRPCServer = TransportRPCServer> extends PeerServer<T, ServerConf> {
  /** What it did so far. */
  stats(): ServerStats
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
