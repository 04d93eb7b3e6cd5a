// TLS, and admission of clients.

import { IncomingMessage, OutgoingHttpHeaders } from 'http'
import { RequestOptions as HttpsRequestOptions, ServerOptions as HttpsServerOptions } from 'https'
import { ConnectionOptions, PeerCertificate, TLSSocket } from 'tls'
import { Amount } from './common'
import { PlainTcpSocket } from './sockets'

export {}

interface SecureBuffers {
  key: Buffer
  cert: Buffer
  ca: Buffer
}

/** `conf.secure` of a client: every option of Node's `tls.connect`, and some for the upgrade. */
export interface ClientSecureOptions extends SecureBuffers, Omit<ConnectionOptions, keyof SecureBuffers>, Pick<HttpsRequestOptions, 'auth' | 'localAddress' | 'family'> {
  /** Headers of the upgrade request. */
  headers?: OutgoingHttpHeaders | undefined
  /** `Origin` header of the upgrade request. */
  origin?: string | undefined
  /** As `handshakeTimeout` of the client, which it replaces. */
  handshakeTimeout?: Amount | undefined
  /** As `maxPayload` of the client, which it replaces. */
  maxPayload?: Amount | undefined
}

/** `conf.secure` of a server: every option of Node's `https.createServer`, and `verifyClient`. */
export interface ServerSecureOptions extends SecureBuffers, Omit<HttpsServerOptions, keyof SecureBuffers> {
  /** Decides whether a client may connect. */
  verifyClient: VerifyClient
}

export interface VerifyClientInfo {
  origin: string
  secure: boolean
  /** Its `socket` is Node's TLS socket. */
  req: IncomingMessage & { socket: TLSSocket }
}

/**
 * With one parameter it returns whether the client may connect, or a Promise of that; with two it
 * passes the decision to `cb`, now or later. The time limit is that of the handshake; an exception
 * becomes a process warning, and the client gets 500.
 */
export type VerifyClient = (
  info: VerifyClientInfo,
  cb: (ok: boolean, code?: number, message?: string, headers?: OutgoingHttpHeaders) => void
) => boolean | void | Promise<boolean | void>

export interface PlainVerifyClientInfo {
  origin: string
  secure: boolean
  /** The known parts of the request. */
  req: Pick<IncomingMessage, 'method' | 'url' | 'httpVersion' | 'headers' | 'rawHeaders'> & {
    socket: PlainTcpSocket
  }
}

/** `VerifyClient` of a server without TLS. */
export type PlainVerifyClient = (
  info: PlainVerifyClientInfo,
  cb: (ok: boolean, code?: number, message?: string, headers?: OutgoingHttpHeaders) => void
) => boolean | void | Promise<boolean | void>
