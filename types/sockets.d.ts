// Sockets, like those of `ws` 7.

import { IncomingMessage } from 'http'
import { AddressInfo, Socket as NetSocket } from 'net'
import { TLSSocket } from 'tls'
import { TypedEmitter } from './emitter'

export {}

/** The least interface for a connection of your own, such as one of the `ws` package. */
export interface SocketLike {
  on(event: any, listener: (...args: any[]) => void): any
  send(data: any): void
  close(): void
}

/** The least interface for a server of your own, such as one of the `ws` package. */
export interface ServerLike {
  on(event: any, listener: (...args: any[]) => void): any
  close(): void
}

export interface SendOptions {
  /** Whether to send a binary frame. Default: false for strings and numbers, else true. */
  binary?: boolean | undefined
  /** No effect: clients mask, servers do not. */
  mask?: boolean | undefined
  /** Whether this is the last frame of the message. Default: true. */
  fin?: boolean | undefined
  /** No effect: compression is never negotiated. */
  compress?: boolean | undefined
}

export interface WebSocketEvents {
  open: []
  /** A string for a text frame, a Buffer for a binary one. */
  message: [data: string | Buffer]
  close: [code: number, reason: string]
  error: [err: Error]
  ping: [data: Buffer]
  pong: [data: Buffer]
}

/** Event objects for listeners of the browser's kind. */
export interface SocketEvent {
  type: string
  target: WebSocketLike
}

export interface SocketEventMap {
  open: SocketEvent
  message: SocketEvent & { data: string | Buffer | ArrayBuffer | Buffer[] }
  close: SocketEvent & { code: number, reason: string, wasClean: boolean }
  error: SocketEvent & { error: Error, message: string }
}

type SocketListener<Name extends keyof SocketEventMap> = (event: SocketEventMap[Name]) => void

/**
 * The TCP socket of a connection: the members of Node's socket that are meaningful where native
 * code moves the bytes, or Node's TLS socket. All others throw `ERR_UNSUPPORTED`.
 */
export type TcpSocketLike = TLSSocket | PlainTcpSocket

/** Without TLS. */
export type PlainTcpSocket = TypedEmitter<{ close: [hadError: boolean], drain: [], end: [], error: [err: Error], timeout: [] }> & Pick<
  NetSocket,
  'address' | 'bufferSize' | 'bytesRead' | 'bytesWritten' | 'closed' | 'connecting' | 'cork' | 'destroy' | 'destroyed' | 'destroySoon' | 'end' | 'isPaused' | 'localAddress' | 'localPort' |
  'pause' | 'pending' | 'readable' | 'readyState' | 'ref' | 'resetAndDestroy' | 'resume' | 'setKeepAlive' |
  'setNoDelay' | 'setTimeout' | 'timeout' | 'uncork' | 'unref' |
  'writable' | 'writableEnded' | 'writableFinished' | 'writableHighWaterMark' | 'writableLength' | 'writableNeedDrain'
> & {
  readonly encrypted: false
  readonly remoteAddress: string
  readonly remotePort: number
  readonly remoteFamily: string
  readonly localFamily: string | undefined
  /** Throws `ERR_UNSUPPORTED`. */
  write(...args: unknown[]): never
}

/** One connection, like a socket of `ws` 7. */
export interface WebSocketLike extends TypedEmitter<WebSocketEvents> {
  readonly CONNECTING: 0
  readonly OPEN: 1
  readonly CLOSING: 2
  readonly CLOSED: 3
  readonly readyState: 0 | 1 | 2 | 3
  /** Bytes of buffered output. */
  readonly bufferedAmount: number
  /** The address that a client connects to. */
  readonly url: string
  /** The first subprotocol that the client offers, or an empty string. */
  readonly protocol: string
  /** Always empty. */
  readonly extensions: string
  /** Type of received binary messages. Default: `'nodebuffer'`. */
  binaryType: 'nodebuffer' | 'arraybuffer' | 'fragments'
  onopen: SocketListener<'open'> | null
  onmessage: SocketListener<'message'> | null
  onclose: SocketListener<'close'> | null
  onerror: SocketListener<'error'> | null
  /** The TCP socket; null before the handshake is complete. */
  readonly _socket: TcpSocketLike | null
  addEventListener<Name extends keyof SocketEventMap>(type: Name, listener: SocketListener<Name>, opts?: { once?: boolean }): void
  removeEventListener<Name extends keyof SocketEventMap>(type: Name, listener: SocketListener<Name>): void
  send(data: any, cb?: (err?: Error) => void): void
  send(data: any, opts: SendOptions, cb?: (err?: Error) => void): void
  ping(data?: any, mask?: boolean, cb?: (err?: Error) => void): void
  pong(data?: any, mask?: boolean, cb?: (err?: Error) => void): void
  /** Closes with a close frame. */
  close(code?: number, reason?: string): void
  /** Closes the connection without a close frame. */
  terminate(): void
}

export interface WebSocketServerEvents {
  connection: [socket: WebSocketLike, req: IncomingMessage]
  listening: []
  close: []
  error: [err: Error]
}

/** A listening server, like one of `ws` 7. */
export interface WebSocketServerLike extends TypedEmitter<WebSocketServerEvents> {
  readonly clients: Set<WebSocketLike>
  /** The supported options of `ws`'s server. */
  readonly options: Record<string, unknown>
  /** `true`: every path is served. */
  shouldHandle(req: IncomingMessage): boolean
  /** Throws `ERR_UNSUPPORTED`. */
  handleUpgrade(...args: unknown[]): never
  address(): AddressInfo | string | null
  close(cb?: (err?: Error) => void): void
}
