/// <reference types="node" />

// The types, by area. Names that are not listed here are for the types alone.

export type {
  AbortOptions, Amount, Callback, DrainOptions, GrenacheError, OptionError, Retry, RPCOptions, Size
} from './types/common'
export type {
  LinkLike, Peer, PeerConf, TargetOptions, Transport, TransportConf, TransportRPC
} from './types/peer'
export * from './types/actions'
export * from './types/channels'
export * from './types/client'
export type { Contract, Handlers, ReplyOf, RequestOf } from './types/contract'
export * from './types/grape'
export * from './types/link'
export * from './types/own'
export * from './types/pubsub'
export * from './types/server'
export * from './types/shutdown'
export * from './types/sockets'
export * from './types/stats'
export * from './types/tls'
