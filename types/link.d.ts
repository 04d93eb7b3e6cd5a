// The link: requests to grapes.

import { KeyObject } from 'crypto'
import { OutgoingHttpHeaders } from 'http'
import { AbortOptions, Amount, Callback, Retry } from './common'
import { TypedEmitter } from './emitter'
import { LinkStats } from './stats'

export {}

/** `nodes` is the grape's response. */
export type AnnounceCallback = (err: Error | null, nodes?: any) => void

/** `new Link(conf)` */
export interface LinkConf {
  /**
   * `http://host:port` of a grape, or several as an array or a comma list; `'embedded'` for one
   * that runs in this or another process of this machine. Default: `''`.
   */
  grape?: string | URL | Array<string | URL> | null | undefined
  /** TCP port of the machine's embedded grape, for `'embedded'`. Default: 31001. */
  grapePort?: number | `${number}` | null
  /**
   * Users (uid) whose processes may run the embedded grape, besides this process' own and root.
   * Another user's grape is refused with `ERR_GRAPE_FOREIGN`, on Linux. Default: none.
   */
  grapeUsers?: number[] | undefined
  /** Unused; kept for code that reads it, since timeouts are exact. Default: 2000. */
  monitorTimeout?: number | undefined
  /** ms; timeout of one exchange with one grape. Default: 2500. */
  requestTimeout?: Amount | undefined
  /** Options of Node's `https` for grapes with `https` or `wss` addresses. */
  tls?: import('https').RequestOptions | undefined
  /**
   * Whether `stopAnnouncing` takes the address back; `false` if several processes announce the same
   * name and port, as behind a load balancer. Default: true.
   */
  unannounce?: boolean | undefined
  /**
   * `true`: an exception in a link's callback ends the process, as anywhere else. `false`: it is a
   * warning and the event `callback-error`. Default: false.
   */
  throwInCallbacks?: boolean | undefined
  /** Most cached lookups. Default: 2500. */
  lruMaxSizeLookup?: Amount | undefined
  /** ms; how long a lookup is cached. Default: 10000. */
  lruMaxAgeLookup?: Amount | undefined
}

/** Options of `link.request`. */
export interface LinkRequestOptions extends AbortOptions {
  /** Attempts. Default: 1, for `lookup` and `announce` 3. */
  retry?: Retry | undefined
  /** ms; timeout of one exchange. Default: `conf.requestTimeout`. */
  timeout?: Amount | undefined
}

export type LookupOptions = LinkRequestOptions
export interface AnnounceOptions extends LinkRequestOptions {
  /** Ignored here: an option of `startAnnouncing`, so that the same object can be passed. */
  interval?: Amount | undefined
  /**
   * The service's IPv4 address, if it is not on the grape's machine. Grapes of the original, and
   * older ones, refuse it with `ERR_GRAPE_ANNOUNCE_HOST`. Default: the grape's own.
   */
  host?: string | null | undefined
}

export interface StartAnnouncingOptions extends Omit<AnnounceOptions, 'signal'> {
  /** ms; mean time between two announces. Default: 120000. */
  interval?: Amount | undefined
}

/** A value that is neither valid for grapes nor a malformed one. */
type ForeignValue = string | number | { [name: string]: unknown, k?: never, sig?: never, salt?: never, seq?: never, cas?: never }

/** A value for the DHT: `{ v }` alone, or a signed one. */
export interface PutOptions {
  v: any
  /** Public key. */
  k?: string | undefined
  /** Signature. */
  sig?: string | undefined
  salt?: string | undefined
  /** Sequence number. */
  seq?: number | undefined
  /** The sequence number to be replaced. */
  cas?: number | undefined
}

/** A cache of limited size and age; the least recently used entries go first. */
export interface LinkCache<T = any> extends TypedEmitter<LinkCacheEvents<T>> {
  readonly length: number
  readonly keys: string[]
  /** Most entries. */
  max: number
  /** ms; 0 is unlimited. */
  maxAge: number
  /** Returns a value and marks it as used. */
  get(key: string): T | undefined
  /** Returns a value without marking it as used. */
  peek(key: string): T | undefined
  set(key: string, value: T): T
  remove(key: string): T | undefined
  /** Removes the least recently used entry. */
  evict(): void
  /** Removes a member from all lists. */
  forget(member: string): void
  clear(): void
}

export interface LinkCacheEvents<T = any> {
  /** An entry was removed for lack of room, or since it is too old. */
  evict: [entry: { key: string, value: T }]
}

export interface LinkEvents {
  /** A grape answered: the first one since `start`, or since none did. */
  connect: []
  /** No grape answers, or none answers any more. */
  disconnect: [err: Error]
  /** The same; without a listener nothing is thrown. */
  error: [err: Error]
  /** An announce succeeded. */
  announced: [about: Announced]
  /** An announce failed, or a grape rejected it. */
  'announce-error': [err: Error & { code?: string | number }, about: AnnounceAbout]
  /** A callback threw an exception that does not end the process. */
  'callback-error': [thrown: any, about: CallbackAbout]
}

/** The announced service. */
export interface AnnounceAbout {
  key: string
  port: number
  /** As given in the call. */
  host: string | undefined
}

/** The announced service, and how many nodes accepted it. */
export interface Announced extends AnnounceAbout {
  nodes: number
}

/** The callback that threw. */
export interface CallbackAbout {
  /** Type of the request, such as `lookup`. */
  type: string
  payload: any
  /** The first line of the stack in the service's own code. */
  place: string | null
}

/** Key for `link.get`. */
type ValueAddress = string | { hash: string, salt?: string }

/** Options of `link.putMutable`. */
export interface PutMutableOptions {
  /** Less than 1000 bytes. */
  v: string
  /** An ed25519 key; the secret key of a pair is the seed, or the seed and the public key. */
  privateKey: KeyObject | { publicKey?: NodeJS.ArrayBufferView, secretKey: NodeJS.ArrayBufferView }
  /** Sequence number. Default: that of the stored value and 1. */
  seq?: number | undefined
  /** Distinguishes several values of one key, at most 64 bytes. */
  salt?: string | undefined
  /** The sequence number to be replaced. */
  cas?: number | undefined
}

/** Options of `link.getMutable`. */
export interface GetMutableOptions extends LinkRequestOptions {
  /** Distinguishes several values of one key. */
  salt?: string | undefined
}

/** A value that its owner can replace. */
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

/** An ed25519 public key: a KeyObject, its 32 bytes, or these in hex. */
export type PublicKey = KeyObject | NodeJS.ArrayBufferView | string

/** Options of `link.promises.waitFor`. */
export interface WaitForOptions extends AbortOptions {
  /** ms; how long it waits, 0 is forever. Default: 60000. */
  timeout?: Amount | undefined
}

/** The link's methods, returning Promises. */
export interface LinkPromises {
  /** Stores a text that its owner can replace; resolves with its hash. */
  putMutable(value: PutMutableOptions, opts?: LinkRequestOptions | null): Promise<string>
  /** Reads it by the public key; null if there is none. */
  getMutable(publicKey: PublicKey, opts?: GetMutableOptions | null): Promise<MutableValue | null>
  /** Addresses of a service's servers. */
  lookup(key: string, opts?: LookupOptions | null): Promise<string[]>
  /** Resolves with the addresses of a service as soon as it is announced. */
  waitFor(key: string, opts?: WaitForOptions | null): Promise<string[]>
  /**
   * Announces once that this machine serves `key` at `port`; resolves with the number of nodes that
   * accepted it; rejects also with an error of the grape.
   */
  announce(key: string, port: number, opts?: AnnounceOptions | null): Promise<any>
  /**
   * Announces periodically. Resolves after the first announce, with false if this key and port were
   * announced already. If the first announce fails, or a grape rejects it, the Promise rejects, but
   * announcing continues.
   */
  startAnnouncing(key: string, port: number, opts?: StartAnnouncingOptions | null): Promise<boolean>
  /**
   * Stops announcing. Resolves when a grape has taken the announce back, with false if this key and
   * port were not announced; rejects if no grape responded.
   */
  stopAnnouncing(key: string, port: number): Promise<boolean>
  /** Stores a value; resolves with its hash. */
  put(value: PutOptions, opts?: LinkRequestOptions | null): Promise<string>
  /** Reads a value by its hash. */
  get<T = any>(hash: ValueAddress, opts?: LinkRequestOptions | null): Promise<T>
}

/**
 * Client of the grapes: finds services, announces them, stores and reads values.
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
  /** After `start`; the key of a cached lookup is `lookup:"<key>"`. */
  cache: { lookup: LinkCache<string[]>, [type: string]: LinkCache }

  init(): void
  /** Statistics since it was created. */
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

  /**
   * Addresses of a service's servers. With a cached result, the callback is called before this
   * returns.
   */
  lookup(key: string, opts: LookupOptions | null | undefined, cb: Callback<string[]>): void
  lookup(key: string, cb: Callback<string[]>): void

  /** Announces once that this machine serves `key` at `port`. */
  announce(key: string, port: number, opts?: AnnounceOptions | null, cb?: AnnounceCallback): void
  announce(key: string, port: number, cb: AnnounceCallback): void

  /**
   * Announces periodically; `cb` is called after the first announce. False: this key and port are
   * announced already.
   */
  startAnnouncing(key: string, port: number, opts?: StartAnnouncingOptions | null, cb?: (err?: Error | null) => void): false | void
  startAnnouncing(key: string, port: number, cb: (err?: Error | null) => void): false | void
  /** Stops announcing everything at `port`, as `stopAnnouncing`. */
  stopAnnouncingPort(port: number): void
  /**
   * Stops announcing, and takes the address back; grapes of the original let it expire. False: this
   * key and port are not announced.
   */
  stopAnnouncing(key: string, port: number): false | void

  /** Stores a value; the result is its hash. */
  put(value: PutOptions, cb: Callback<string>): void
  put(value: PutOptions, opts: LinkRequestOptions | null | undefined, cb: Callback<string>): void
  /**
   * @deprecated The original's types accept any value, but a grape only stores the content of `v`.
   */
  put(value: ForeignValue, cb: Callback<string>): void
  /** Stores a signed text that its owner can replace. */
  putMutable(value: PutMutableOptions, cb?: Callback<string>): void
  putMutable(value: PutMutableOptions, opts: LinkRequestOptions | null | undefined, cb?: Callback<string>): void
  /** Reads it by the public key; null if there is none. */
  getMutable(publicKey: PublicKey, cb: Callback<MutableValue | null>): void
  getMutable(publicKey: PublicKey, opts: GetMutableOptions | null | undefined, cb: Callback<MutableValue | null>): void
  /** Reads a value by its hash. */
  get<T = any>(hash: ValueAddress, cb: Callback<T>): void
  get<T = any>(hash: ValueAddress, opts: LinkRequestOptions | null | undefined, cb: Callback<T>): void

  /** Hook: the name under which equal requests share one exchange, and results are cached. */
  getRequestHash(type: string, payload: any): string
  /** Removes a destination that cannot be reached from the cached lookups. */
  forget(dest: string): void

  /** Hook: performs one exchange, and so carries all traffic. */
  _post(url: string, data: { rid: string, data: any }, opts: { timeout: number, headers?: OutgoingHttpHeaders }, cb: Callback): any
}
