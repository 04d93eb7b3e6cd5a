// Types shared by several areas.

// Only types marked with `export` leave these files.
export {}

/**
 * `err` is null if the call succeeded; `data` is meaningful only then, or when a server sent both.
 */
export type Callback<T = any> = (err: Error | null, data: T) => void

/** Options of a peer or a request, under the name that the original's types use. */
export type RPCOptions = { timeout?: number, retry?: number }

/** Given instead of a callback, it makes a call return a Promise. */
export type NoCallback = null | undefined

/**
 * A number, or a numeric text; `false` is 0, and `null` as if left out. Any other value throws
 * `ERR_OPTION`. docs/OPTIONS.md says what 0 and `Infinity` mean.
 */
export type Amount = number | `${number}` | '' | false | null

/** Bytes with a unit, such as `'8kb'`. */
export type Size = `${number}${'b' | 'kb' | 'mb' | 'gb' | 'tb' | 'pb' | 'KB' | 'MB' | 'GB' | 'TB'}`

/** Thrown by a constructor or a call for an invalid option. */
export interface OptionError extends TypeError {
  code: 'ERR_OPTION'
  /** Name of the option. */
  option: string
  value: unknown
}

/**
 * Fields of this package's Errors, besides `message`; see docs/API.md. For an error of a callback
 * write `(err as GrenacheError).dest`.
 */
export interface GrenacheError extends Error {
  /**
   * What kind of error it is: the first word of most messages, such as `ERR_TIMEOUT`; Node's code,
   * such as `ECONNREFUSED`; for a grape's response its HTTP status, a number. docs/API.md lists them.
   */
  code?: string | number
  /** The service that was requested, looked up or announced. */
  key?: string
  /** The server, as `host:port`. */
  dest?: string
  /** The grape of the request. */
  grape?: string
  /** The timeout that passed, in ms. */
  timeout?: number
  /** HTTP status of a handshake response. */
  status?: number
  /** Close code of the connection. */
  closeCode?: number
  /** The limit that was reached, or the size of the largest message in bytes. */
  limit?: number
  /** What to do about it. */
  hint?: string
  cause?: unknown
}

/** Options of an orderly `stop`. */
export interface DrainOptions {
  /**
   * Longest wait for pending work, in ms. Meanwhile nothing new starts: a server accepts no
   * connections and stops its announces, a client accepts no requests. Each connection is closed
   * with code 1001 when it is done; clients of this package send requests that a server has not
   * started to another one.
   */
  drain: Amount
}

/** Options of a call that can be cancelled. */
export interface AbortOptions {
  /**
   * Cancels the call when it is aborted, also before the call: with an Error named `AbortError`
   * whose `code` is `ABORT_ERR` and whose `cause` is the signal's reason. A queued request is not
   * sent; the reply to a sent one is ignored.
   */
  signal?: AbortSignal | null | undefined
}

/** Attempts, or an object like that of `async.retry`. A call throws `ERR_OPTION` for anything else. */
export type Retry = number | string | {
  /** Default, and instead of 0: 5. */
  times?: number | undefined
  /**
   * ms between two attempts, or a function that returns them from the number of attempts so far.
   * Default: 0.
   */
  interval?: number | ((attempt: number) => number) | undefined
  /** Whether to try again after this error. Default: it is. */
  errorFilter?: ((err: Error) => boolean) | undefined
}
