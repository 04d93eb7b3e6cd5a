// Sockets, like those of `ws` 7.

import { IncomingMessage } from 'http'
import { AddressInfo, Socket as NetSocket } from 'net'
import { TLSSocket } from 'tls'
import { TypedEmitter } from './emitter'

export {}

/** The least that a connection of your own must have, such as one of the `ws` package. */
export interface SocketLike {
  on(event: any, listener: (...args: any[]) => void): any
  send(data: any): void
  close(): void
}

/** The least that a server of your own must have, such as one of the `ws` package. */
export interface ServerLike {
  on(event: any, listener: (...args: any[]) => void): any
  close(): void
}

export interface SendOptions {
  /** Binary frame? Default: false for strings and numbers, else true. */
  binary?: boolean
  /** Changes nothing: clients mask, servers do not. */
  mask?: boolean
  /** Is this the last frame of the message? Default: true. */
  fin?: boolean
  /** Changes nothing: compression is never agreed upon. */
  compress?: boolean
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

/** What listeners of the browser's kind get. */
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
 * The TCP socket of a connection: as much of Node's as has a meaning where native code moves the bytes,
 * or Node's TLS socket. The rest throws `ERR_UNSUPPORTED`.
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
  /** Bytes that wait to be sent. */
  readonly bufferedAmount: number
  /** The address that a client connects to. */
  readonly url: string
  /** The first subprotocol that the client offers, or nothing. */
  readonly protocol: string
  /** Always empty. */
  readonly extensions: string
  /** How binary messages come. Default: `'nodebuffer'`. */
  binaryType: 'nodebuffer' | 'arraybuffer' | 'fragments'
  onopen: SocketListener<'open'> | null
  onmessage: SocketListener<'message'> | null
  onclose: SocketListener<'close'> | null
  onerror: SocketListener<'error'> | null
  /** The TCP socket; null before the handshake is done. */
  readonly _socket: TcpSocketLike | null
  addEventListener<Name extends keyof SocketEventMap>(type: Name, listener: SocketListener<Name>, opts?: { once?: boolean }): void
  removeEventListener<Name extends keyof SocketEventMap>(type: Name, listener: SocketListener<Name>): void
  send(data: any, cb?: (err?: Error) => void): void
  send(data: any, opts: SendOptions, cb?: (err?: Error) => void): void
  ping(data?: any, mask?: boolean, cb?: (err?: Error) => void): void
  pong(data?: any, mask?: boolean, cb?: (err?: Error) => void): void
  /** Closes with a close frame. */
  close(code?: number, reason?: string): void
  /** Ends the connection without a close frame. */
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
  /** The options of `ws`'s server, as far as they are known here. */
  readonly options: Record<string, unknown>
  /** `true`: every path is served. */
  shouldHandle(req: IncomingMessage): boolean
  /** Throws `ERR_UNSUPPORTED`. */
  handleUpgrade(...args: unknown[]): never
  address(): AddressInfo | string | null
  close(cb?: (err?: Error) => void): void
}
