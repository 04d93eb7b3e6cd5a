// Grapes: nodes of the network through which services find each other.

import { EventEmitter } from 'events'
import { AddressInfo } from 'net'
import { Amount, Callback, Size } from './common'
import { TypedEmitter } from './emitter'

export {}

/** `new Grape(conf)` */
export interface GrapeConf {
  /** TCP port of the HTTP API. 0 takes any free one. */
  api_port: number | `${number}`
  /**
   * Host names of the API for browsers, besides its addresses, `localhost` and `host`. On loopback,
   * the `Host` of a request has to be one of them. An array, or a text with commas. Default: none.
   */
  api_hosts?: string | string[] | null | undefined
  /** UDP port of the node; 0 takes any free one. Default: 20001. */
  dht_port?: number | `${number}` | null
  /** Other nodes, as `host:port`, in an array or a text with commas. Default: none. */
  dht_bootstrap?: string | string[] | null | undefined
  /** Address that both ports are bound to. Default: every interface. */
  host?: string | null | undefined
  /** Names whose nodes are remembered for the next announce. Default: 5000. */
  dht_maxTables?: Amount | undefined
  /** Stored values. Default: 5000. */
  dht_maxValues?: Amount | undefined
  /** Concurrent queries of one lookup. Default: 16. */
  dht_concurrency?: Amount | undefined
  /** ms; a node that was silent for this long is pinged. Default: 300000. */
  dht_nodeLiveness?: Amount | undefined
  /**
   * ms; announced addresses expire after about this time. Default: 120000, of the command 360000.
   */
  dht_peer_maxAge?: Amount | undefined
  /**
   * Queries per second that one address may send; this machine may send 20 times as many.
   * Default: 5000.
   */
  dht_rateLimit?: Amount | undefined
  /** File that keeps known nodes and the node's id over a restart. Default: none. */
  dht_state?: string | null | undefined
  /** Bytes; largest body of a request. Default: 8192. */
  check_maxPayloadSize?: Amount | Size | undefined
  /**
   * ms; after the start, a lookup waits for an announce for this long, instead of finding nothing.
   * Default: 0.
   */
  grace?: Amount | undefined
  /** Whether a running grape keeps the process alive. Default: true. */
  keepAlive?: boolean | undefined
  /** Ignored: signatures are verified in any case. */
  verify?: ((...args: any[]) => boolean) | undefined
}

export interface GrapeEvents {
  /** Both ports are bound. */
  listening: []
  /** The first search for other nodes is done. */
  ready: []
  /** A new node is known. The event has no argument, but listeners may declare one. */
  node: [none?: any]
  /** A lookup found `ip:port`. */
  peer: [address: string]
  /** A service announced this name. */
  announce: [key: string]
  /** An invalid datagram, or a damaged state file. */
  warning: [text: string]
}

/** A value read from the DHT. */
export interface GrapeValue {
  /** Id of the node that had it. */
  id: string
  v: string
  /** For a signed value: public key, signature and sequence number. */
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
  k?: Bytes | undefined
  sig?: Bytes | undefined
  /** Signs the given message, instead of `sig`. */
  sign?: ((message: Buffer) => Buffer) | undefined
  salt?: NodeJS.ArrayBufferView | string | undefined
  seq?: number | undefined
  cas?: number | undefined
}

/**
 * A node of the network through which services find each other, with its HTTP API.
 *
 * @example
 * import { Grape } from 'grenache-nodejs-ws-native'
 *
 * const grape = new Grape({ host: '127.0.0.1', dht_port: 0, api_port: 0, dht_bootstrap: [] })
 * grape.start(err => {
 *   if (err) throw err
 *   console.log(`new Link({ grape: 'http://${grape.address()?.api}' })`)
 *   grape.stop()
 * })
 */
export class Grape extends TypedEmitter<GrapeEvents> {
  constructor(conf: GrapeConf)

  conf: GrapeConf
  start(cb?: (err?: Error | null) => void): void
  /** Binds both ports before it returns the error, or null. */
  startNow(): Error | null
  stop(cb?: (err?: Error | null) => void): void
  /** `await using grape`: stops it, and resolves when its ports are free. */
  [Symbol.asyncDispose](): Promise<void>
  /** Both addresses as `host:port`; null while it does not run. */
  address(): { dht: string, api: string } | null

  /**
   * Announces a service on the grape's own machine; the result is the number of nodes that accepted
   * it.
   */
  announce(key: string, port: number, cb?: Callback<number>): void
  /** Takes an announce back; grapes of the original let it expire. */
  unannounce(key: string, port: number, cb?: Callback<number>): void
  /** At most 100 addresses. `order: 'fresh'`: the latest announced first. */
  lookup(key: string, cb: Callback<string[]>): void
  lookup(key: string, opts: { order?: 'fresh' }, cb: Callback<string[]>): void
  /** Stores a value; the result is its hash. */
  put(opts: GrapePutOptions | NodeJS.ArrayBufferView | string, cb?: Callback<string>): void
  /** Reads a value by its hash; undefined if there is none. */
  get(
    hash: string | NodeJS.ArrayBufferView | { hash: string | NodeJS.ArrayBufferView, salt?: string | NodeJS.ArrayBufferView },
    cb: Callback<GrapeValue | undefined>
  ): void

  /** A request as to the HTTP API: `type` is the path, `data` the body's data. */
  request<Res = any>(type: string, data: any, cb?: Callback<Res>): void

  /** A name in hex, for `node`. */
  str2hex(name: string): string
  /** The inverse of `str2hex`. */
  hex2str(hex: string): string
  /** Bytes: of a JSON text of a Buffer or list, or else of the text itself. */
  str2buf(text: string, encoding?: BufferEncoding): Buffer
  /** The node itself, as the original's services use it; undefined while the grape does not run. */
  node?: GrapeNode
  /** Whether it runs. */
  readonly _active: boolean
  /** `http` is the API's server while it runs. */
  readonly _interface: {
    http?: { readonly listening: boolean, address(): AddressInfo | null, close(cb?: (err?: Error | null) => void): unknown }
  }
}

/** Names are in hex, from `grape.str2hex`, or bytes. */
export interface GrapeNode extends EventEmitter {
  address(): AddressInfo
  announce(name: string | NodeJS.ArrayBufferView, port: number, cb?: Callback<number>): void
  announce(name: string | NodeJS.ArrayBufferView, cb?: Callback<number>): void
  /** The result is the number of addresses. */
  lookup(name: string | NodeJS.ArrayBufferView, cb?: Callback<number>): void
  put(opts: GrapePutOptions, cb?: Callback<Buffer>): void
  get(hash: string | NodeJS.ArrayBufferView, cb: Callback<GrapeValue | undefined>): void
  get(hash: string | NodeJS.ArrayBufferView, opts: { salt?: string | NodeJS.ArrayBufferView }, cb: Callback<GrapeValue | undefined>): void
}
