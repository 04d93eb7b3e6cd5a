// The link: what grapes are asked.

import { KeyObject } from 'crypto'
import { OutgoingHttpHeaders } from 'http'
import { AbortOptions, Amount, Callback, Retry } from './common'
import { TypedEmitter } from './emitter'
import { LinkStats } from './stats'

export {}

/** `nodes` is what the grape answered. */
export type AnnounceCallback = (err: Error | null, nodes?: any) => void

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
  /**
   * Where the service is, if not on the grape's machine: an IPv4 address. Grapes of the original, and older ones,
   * refuse it with `ERR_GRAPE_ANNOUNCE_HOST`. Default: the grape's own.
   */
  host?: string | null
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
  /** An announce went well. */
  announced: [about: Announced]
  /** An announce failed, or a grape refused it. */
  'announce-error': [err: Error & { code?: string | number }, about: AnnounceAbout]
  /** A callback threw, where that ends no process. */
  'callback-error': [thrown: any, about: CallbackAbout]
}

/** What was announced. */
export interface AnnounceAbout {
  key: string
  port: number
  /** As the call said. */
  host: string | undefined
}

/** What was announced, and how many nodes took it. */
export interface Announced extends AnnounceAbout {
  nodes: number
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
  /** Announces once that this machine serves `key` at `port`; resolves with how many nodes took it, rejects also with what the grape says. */
  announce(key: string, port: number, opts?: AnnounceOptions | null): Promise<any>
  /**
   * Announces again and again. Resolves after the first announce, with false when this key and port
   * were announced already. A first announce that fails, or that a grape refuses, rejects, and is followed by others all the same.
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

/**
 * Talks to the grapes: finds services, announces them, stores and reads values.
 *
 * @example
 * import { Link } from 'grenache-nodejs-ws-native'
 *
 * const link = new Link({ grape: 'http://127.0.0.1:30001' }).start()
 * await link.promises.announce('rpc_test', 1337)
 * console.log(await link.promises.lookup('rpc_test'))
 * const hash = await link.promises.put({ v: 'a text' })
 * console.log((await link.promises.get<{ v: string }>(hash)).v) // a text
 * link.stop()
 */
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
  /** Stores a text that its owner may replace, signed. */
  putMutable(value: PutMutableOptions, cb?: Callback<string>): void
  putMutable(value: PutMutableOptions, opts: LinkRequestOptions | null | undefined, cb?: Callback<string>): void
  /** Reads it by the public key; null for none. */
  getMutable(publicKey: PublicKey, cb: Callback<MutableValue | null>): void
  getMutable(publicKey: PublicKey, opts: GetMutableOptions | null | undefined, cb: Callback<MutableValue | null>): void
  /** Reads a value by its hash. */
  get<T = any>(hash: ValueAddress, cb: Callback<T>): void
  get<T = any>(hash: ValueAddress, opts: LinkRequestOptions | null | undefined, cb: Callback<T>): void

  /** Hook: the name under which equal requests share one exchange, and answers are cached. */
  getRequestHash(type: string, payload: any): string
  /** A destination cannot be reached: takes it out of the cached answers. */
  forget(dest: string): void

  /** Hook: carries one exchange, and so all traffic. */
  _post(url: string, data: { rid: string, data: any }, opts: { timeout: number, headers?: OutgoingHttpHeaders }, cb: Callback): any
}
