// Graceful shutdown.

import { Amount } from './common'

export {}

/** Anything that can be stopped: peers, links, and objects like them. */
export interface Stoppable {
  stop(opts?: any): any
}

/** Options of `gracefulShutdown`. */
export interface ShutdownOptions {
  /** Stopped last. */
  link?: Stoppable | readonly Stoppable[] | null | undefined
  /** Drained: servers and subscribers first, then clients and publishers. Grapes stop last. */
  peers?: Stoppable | readonly Stoppable[] | null | undefined
  /** ms for all of it; 0 stops everything at once. Default: 5000. */
  drain?: Amount | undefined
  /** Default: SIGTERM and SIGINT. */
  signals?: NodeJS.Signals | readonly NodeJS.Signals[] | null | undefined
}

export interface GracefulShutdown {
  /** Starts the shutdown without a signal; resolves at its end. */
  now(): Promise<NodeJS.Signals | null>
  /** Removes the signal handlers. */
  remove(): void
  /** Resolves at its end, with the signal. */
  readonly done: Promise<NodeJS.Signals | null>
  /** `using`: `remove`. */
  [Symbol.dispose](): void
}

/**
 * Stops a service in order when a signal arrives, after which the process may end by itself;
 * another signal meanwhile ends it at once. `cb` is called at the end, with the first error, if
 * any.
 *
 * @example
 * import { gracefulShutdown, Link, PeerRPCServer } from 'grenache-nodejs-ws-native'
 *
 * const link = new Link({ grape: 'http://127.0.0.1:30001' }).start()
 * const server = new PeerRPCServer(link)
 * server.init()
 * server.transport('server').listen(0)
 * const shutdown = gracefulShutdown({ link, peers: server, drain: 5000 })
 * await shutdown.now() // as SIGTERM and SIGINT do
 */
export function gracefulShutdown(
  opts: ShutdownOptions,
  cb?: (err: Error | null, signal: NodeJS.Signals | null) => void
): GracefulShutdown
