// Channels of `diagnostics_channel`

import { TransportRPCClient } from './client'
import { TransportPub, TransportSub } from './pubsub'
import { TransportRPCServer } from './server'

/**
 * Message of `grenache:request:start`, `grenache:request:end` and `grenache:request:error`: of one
 * request always the same object.
 */
export interface RequestMessage {
  side: 'client' | 'server'
  transport: TransportRPCClient | TransportRPCServer
  /** The other side, as `host:port`; undefined with sockets that you brought to a server. */
  address: string | undefined
  key: string
  /** Id of the request on both sides; undefined where it was not sent, or hooks are replaced. */
  rid: string | undefined
  payload: any
  /** ms; undefined at the start. */
  duration: number | undefined
  error: any
  result: any
}

/** Message of `grenache:connection:open` and `grenache:connection:close`. */
export interface ConnectionMessage {
  side: 'client' | 'server'
  /** Null of a connection that is no transport's. */
  transport: TransportRPCClient | TransportRPCServer | TransportPub | TransportSub | null
  /** The other side, as `host:port`. */
  address: string
  /** Is it TLS? */
  secure: boolean
  /** False of a client's connection that could not be made. */
  opened: boolean
  /** Of the closing handshake; 1006 without one. Undefined at the start. */
  code: number | undefined
  reason: string | undefined
  /** Why it broke, or could not be made. */
  error: Error | undefined
}
