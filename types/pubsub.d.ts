// Publishers and subscribers.

import { Amount } from './common'
import { OwnConf } from './own'
import { Peer, PeerConf, PeerServer, TargetOptions, Transport } from './peer'
import { WebSocketLike, WebSocketServerLike } from './sockets'
import { PubStats, SubStats } from './stats'
import { PlainVerifyClient, PlainVerifyClientInfo, VerifyClientInfo } from './tls'

export {}

/** `new PeerPub(link, conf)` */
export interface PubConf extends PeerConf {
  /** Address to listen on. Default: all interfaces. */
  host?: string | undefined
  /** Most connected subscribers; further ones are closed with 1013. Default: 0, any number. */
  maxConnections?: Amount | undefined
  /**
   * Which pages may connect, by their origin: a list, a function, or `'*'` for all. Clients without
   * an origin are no pages. Default: over the loopback interface pages of `localhost`, 127.0.0.0/8
   * and `[::1]`, over others all.
   */
  origins?: '*' | string[] | ((origin: string, info: PlainVerifyClientInfo | VerifyClientInfo) => boolean | Promise<boolean>) | undefined
  /** Decides whether a client may connect, within `handshakeTimeout`. Default: everybody may. */
  verifyClient?: PlainVerifyClient | undefined
  /**
   * What happens to a subscriber more than `highWater` bytes behind: it is disconnected, or its
   * oldest messages are dropped. Default: `disconnect`.
   */
  slowSubscriber?: 'disconnect' | 'drop' | undefined
  /**
   * Bytes of the largest message from a subscriber; a larger one closes its connection with 1009.
   * Default: 1 MiB.
   */
  maxPayload?: Amount | undefined
}

/** `new PeerSub(link, conf)` */
export interface SubConf extends PeerConf {
  /**
   * Whether to reconnect after a lost connection. Default: true, unless `disconnected` has a
   * listener, on the peer or on the transport.
   */
  reconnect?: boolean | undefined
  /**
   * Most messages that wait for a slow `for await` loop, in addition to the limit `highWater` in
   * bytes; beyond it the loop ends with `ERR_MESSAGES_LIMIT` after these messages. Default: 10000.
   */
  maxBuffered?: Amount | undefined
}

/**
 * Publishes: `peer.transport('server').listen(port).pub(msg)`.
 *
 * @example
 * import { Link, PeerPub } from 'grenache-nodejs-ws-native'
 *
 * const link = new Link({ grape: 'http://127.0.0.1:30001' }).start()
 * const publisher = new PeerPub(link)
 * publisher.init()
 * const service = publisher.transport('server').listen(0)
 * service.pub(JSON.stringify({ price: 1 })) // to whoever is connected
 * await link.promises.startAnnouncing('prices', service.port)
 *
 * publisher.stop()
 * link.stop()
 */
export class PeerPub<T extends TransportPub = TransportPub> extends PeerServer<T, PubConf> {
  /** Publishes with the latest transport. */
  pub(msg: Publishable): void
  /** Statistics since it was created. */
  stats(): PubStats
}

/** Options of `peer.sub`. */
export interface SubOptions extends TargetOptions, OwnConf {
  /** See `SubConf`. Default: the peer's. */
  reconnect?: boolean | undefined
  /**
   * Subscribes to all publishers, including later ones, except those of `exclude` and `self`.
   * Default: false, to one.
   */
  all?: boolean | null | undefined
  /** With `all`: ms; mean time between two lookups. 0 is never. Default: 30000. */
  refresh?: Amount | undefined
  /** @deprecated Used in the original's examples, but has no effect. */
  timeout?: Amount | undefined
}

/** With `all`, `dest` is the publisher's address. */
export interface PeerSubEvents {
  connected: [dest?: string]
  disconnected: [dest?: string]
  /** A text message is a string, a binary one a Buffer. */
  message: [data: string | Buffer, dest?: string]
  /** A lookup failed, for a reason that was not told before, or a destination cannot be reached. */
  error: [err: Error]
  /** Nobody was found to subscribe to: the lookup is made again after `wait` ms. */
  waiting: [about: Waiting]
}

/** As of its peer. */
export interface TransportSubEvents {
  connected: [dest?: string]
  disconnected: [dest?: string]
  message: [data: string | Buffer, dest?: string]
  error: [err: Error]
}

/** A subscription that has no publisher so far. */
export interface Waiting {
  key: string
  error: Error
  /** Lookups so far. */
  attempts: number
  /** ms. */
  wait: number
}

/**
 * Subscribes to publishers by name.
 *
 * @example
 * import { Link, PeerPub, PeerSub } from 'grenache-nodejs-ws-native'
 *
 * const link = new Link({ grape: 'http://127.0.0.1:30001' }).start()
 * const publisher = new PeerPub(link)
 * publisher.init()
 * const service = publisher.transport('server').listen(0)
 * await link.promises.startAnnouncing('pub_test', service.port)
 *
 * const subscriber = new PeerSub(link)
 * subscriber.init()
 * subscriber.on('error', err => console.error(err.message))
 * subscriber.on('connected', () => service.pub('news'))
 * subscriber.sub('pub_test')
 * for await (const message of subscriber) {
 *   console.log(message.toString()) // news
 *   break
 * }
 *
 * for (const one of [subscriber, publisher, link]) one.stop()
 */
export class PeerSub<T extends TransportSub = TransportSub> extends Peer<T, SubConf, PeerSubEvents> {
  /**
   * Subscribes to a publisher of this key, or to all of them. While there is none, it looks again,
   * until `unsub` or `stop`. Events tell what happens: `connected`, `message`, `error`.
   */
  sub(key: string, opts?: SubOptions | null): void
  /** Ends the subscription of `sub` for this key. */
  unsub(key: string): void
  /**
   * `for await (const message of peer)`: each message from now on, until the peer stops; leaving
   * the loop does not stop it. Ends with an error when the loop is too slow, see `maxBuffered`, and
   * with `reconnect: false` when a lookup of `sub` fails without a listener for `error`.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<string | Buffer>
  /** Statistics since it was created. */
  stats(): SubStats
}

/**
 * A publishable value: strings and numbers are sent as text, the rest as binary. Plain objects and
 * booleans are not allowed.
 */
export type Publishable =
  | string | number | null | undefined
  | NodeJS.ArrayBufferView | ArrayBuffer | readonly unknown[] | String | Date

export interface TransportPubEvents {
  /** Listening failed. */
  error: [err: Error]
  /**
   * A subscriber is too far behind: it is disconnected if `lost` is 0, otherwise it lost this many
   * messages.
   */
  'slow-subscriber': [socket: WebSocketLike, lost: number]
}

/**
 * Publishes on a port: `publisher.transport('server')`.
 *
 * @example
 * import { Link, PeerPub } from 'grenache-nodejs-ws-native'
 *
 * const publisher = new PeerPub(new Link({ grape: 'http://127.0.0.1:30001' }), { slowSubscriber: 'drop' })
 * publisher.init()
 * const service = publisher.transport('server').listen(0)
 * service.on('slow-subscriber', (socket, lost) => console.error(`${lost} messages lost`))
 * service.pub(Buffer.from([1, 2, 3]))
 * publisher.stop()
 */
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
  /** Statistics since it was created. */
  stats(): PubStats
}

/**
 * Subscribes to one publisher: `subscriber.transport(dest)`.
 *
 * @example
 * import { Link, PeerSub } from 'grenache-nodejs-ws-native'
 *
 * const subscriber = new PeerSub(new Link({ grape: 'http://127.0.0.1:30001' }), { reconnect: false })
 * subscriber.init()
 * const transport = subscriber.transport('127.0.0.1:1338')
 * transport.on('message', message => console.log(message.toString()))
 * transport.on('error', err => console.error(err.message)) // nobody publishes there
 * transport.sub()
 * subscriber.stop()
 */
export class TransportSub extends Transport<SubConf, TransportSubEvents> {
  /** After `sub`; null after `unsub`. */
  socket: WebSocketLike | null | undefined

  /** Connects to the publisher, `conf.dest`. The arguments have no effect. */
  sub(key?: string, opts?: object): void
  /** Closes the connection. */
  unsub(): void
  checkConnection(): void
  /**
   * Whether there is a listener for `disconnected` besides the peer's, or there was one for `close`
   * of the lost socket.
   */
  isWatched(): boolean
  /** Statistics since it was created. */
  stats(): SubStats
}
