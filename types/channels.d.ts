// Channels of `diagnostics_channel`

import { TransportRPCClient } from './client'
import { TransportPub, TransportSub } from './pubsub'
import { TransportRPCServer } from './server'

/**
 * Message of `grenache:request:start`, `grenache:request:end` and `grenache:request:error`: the
 * same object for all three of a request.
 */
export interface RequestMessage {
  side: 'client' | 'server'
  transport: TransportRPCClient | TransportRPCServer
  /** The other side, as `host:port`; undefined with sockets that you brought to a server. */
  address: string | undefined
  key: string
  /** Id of the request on both sides; undefined if it was not sent, or hooks are replaced. */
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
  /** Null for a connection without a transport. */
  transport: TransportRPCClient | TransportRPCServer | TransportPub | TransportSub | null
  /** The other side, as `host:port`. */
  address: string
  /** Whether it is TLS. */
  secure: boolean
  /** False for a client's connection that failed before it was open. */
  opened: boolean
  /** Close code; 1006 without a closing handshake. Undefined at the start. */
  code: number | undefined
  reason: string | undefined
  /** The error that broke the connection, or kept it from opening. */
  error: Error | undefined
}
