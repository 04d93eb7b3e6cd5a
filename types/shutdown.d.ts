// Orderly ends.

export {}

/** Anything that can be stopped: peers, links, and what is like them. */
export interface Stoppable {
  stop(opts?: any): any
}

/** Options of `gracefulShutdown`. */
export interface ShutdownOptions {
  /** What is stopped last. */
  link?: Stoppable | readonly Stoppable[] | null
  /** What is drained: servers and subscribers first, then clients and publishers. */
  peers?: Stoppable | readonly Stoppable[] | null
  /** ms for all of it; 0 stops everything at once. Default: 5000. */
  drain?: number | null
  /** Default: SIGTERM and SIGINT. */
  signals?: NodeJS.Signals | readonly NodeJS.Signals[] | null
}

export interface GracefulShutdown {
  /** Begins it without a signal; resolves at its end. */
  now(): Promise<NodeJS.Signals | null>
  /** Signals do not begin it any more. */
  remove(): void
  /** Resolves at its end, with the signal. */
  readonly done: Promise<NodeJS.Signals | null>
  /** `using`: `remove`. */
  [Symbol.dispose](): void
}

/**
 * Ends a service in order when a signal comes, after which the process may end by itself; another signal
 * meanwhile ends it at once. `cb` is called at the end, with the first thing that failed, if any.
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
  opts?: ShutdownOptions,
  cb?: (err: Error | null, signal: NodeJS.Signals | null) => void
): GracefulShutdown
