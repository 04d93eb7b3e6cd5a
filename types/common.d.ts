// What several areas share.

// Only what is marked with `export` leaves these files.
export {}

/** `err` is null when the call worked; `data` counts only then, or when a server sent both. */
export type Callback<T = any> = (err: Error | null, data: T) => void

/** Options of a peer or a request, by the name that the types of the original have for them. */
export type RPCOptions = { timeout?: number, retry?: number }

/** What a call takes instead of a callback, to return a Promise. */
export type NoCallback = null | undefined

/**
 * A number, or a text of one; `false` is 0, and `null` as if left out. What else is given throws
 * `ERR_OPTION`. docs/OPTIONS.md says what 0 means, and `Infinity`.
 */
export type Amount = number | `${number}` | '' | false | null

/** Bytes with a unit, such as `'8kb'`. */
export type Size = `${number}${'b' | 'kb' | 'mb' | 'gb' | 'tb' | 'pb' | 'KB' | 'MB' | 'GB' | 'TB'}`

/** What a constructor or a call throws for an option that means nothing. */
export interface OptionError extends TypeError {
  code: 'ERR_OPTION'
  /** Its name. */
  option: string
  value: unknown
}

/**
 * What an Error of this package may know, beside its `message`; see docs/API.md. Of what the callbacks get
 * say `(err as GrenacheError).dest`.
 */
export interface GrenacheError extends Error {
  /** Of a grape's answer, its HTTP status. */
  code?: string | number
  /** The service that was asked, looked up or announced. */
  key?: string
  /** The server, as `host:port`. */
  dest?: string
  /** The grape that was asked. */
  grape?: string
  /** The ms that are over. */
  timeout?: number
  /** Of the answer to a handshake. */
  status?: number
  /** With which code the connection was closed. */
  closeCode?: number
  /** The number that was reached, or the largest message in bytes. */
  limit?: number
  /** What to do about it. */
  hint?: string
  cause?: unknown
}

/** Of a `stop` in order. */
export interface DrainOptions {
  /**
   * ms at most for what is under way. Meanwhile nothing new begins: a server takes no connections
   * and is announced no more, a client takes no requests. Each connection closes with code 1001 when it is done; what a
   * server has not begun, clients send elsewhere by themselves.
   */
  drain: Amount
}

/** An option of what can be ended. */
export interface AbortOptions {
  /**
   * Ends the call when it is aborted, also before: with an Error named `AbortError` whose `code` is
   * `ABORT_ERR` and whose `cause` is the signal's reason. A request that was not sent is not sent
   * any more; the reply to one that was is ignored.
   */
  signal?: AbortSignal | null
}

/** Attempts, or an object like that of `async.retry`. A call throws `ERR_OPTION` for anything else. */
export type Retry = number | string | {
  /** Default, and instead of 0: 5. */
  times?: number
  /** ms between two attempts, or a function of the number of attempts so far that returns them. Default: 0. */
  interval?: number | ((attempt: number) => number)
  /** Whether it is tried again after this error. Default: it is. */
  errorFilter?: (err: Error) => boolean
}
