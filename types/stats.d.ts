// Statistics: since the peer, transport or link was made. docs/OBSERVABILITY.md says more.

/** How long things took, in ms. Percentiles are never too low, and at most 3.2 % too high. */
export interface Latency {
  /** How many were measured. */
  count: number
  mean: number
  p50: number
  p90: number
  p99: number
  p999: number
  max: number
}

/** What connections did. */
export interface ConnectionStats {
  connections: {
    /** Handshakes that were done. */
    opened: number
    /** Those of them that are over. */
    closed: number
    /** Those that are there now. */
    open: number
    /** Of a client: over before they were open. */
    failed: number
  }
  /** Bytes of WebSocket frames, without those of TLS. */
  bytes: {
    sent: number
    received: number
    /** Composed, and not yet taken by the system. */
    waiting: number
  }
}

/** `transport.stats()` of a client. */
export interface ClientStats extends ConnectionStats {
  /** `started = succeeded + failed + timedOut + aborted + pending` */
  requests: {
    /** Sent, or waiting for their connection; attempts count each. */
    started: number
    /** Answered without an error. */
    succeeded: number
    /** Answered with an error, or cut off. */
    failed: number
    /** Not answered in time. */
    timedOut: number
    /** Given up by their `signal`. */
    aborted: number
    /** Under way now. */
    pending: number
    /** Never started: no destination, a limit, a payload without JSON, a stopped peer. */
    rejected: number
  }
  /** Of answered requests, from the composing of the request to the reading of its reply. */
  latency: Latency
}

/** `peer.stats()` of a client. */
export interface ClientPeerStats extends ClientStats {
  requests: ClientStats['requests'] & {
    /** Attempts after the first. */
    retried: number
  }
  /** Destinations that failed lately and are avoided for now. */
  unreachable: string[]
}

/** `stats()` of a server's peer and transports. */
export interface ServerStats extends ConnectionStats {
  requests: {
    /** Handed to `request` listeners. */
    received: number
    /** Answered. */
    replied: number
    /** Answered with an error. */
    failed: number
    /** Not answered so far. */
    pending: number
    /** Not answered when the client's connection ended. */
    abandoned: number
    /** Messages that were no requests. */
    invalid: number
  }
  /** Of answered requests, from handing over what was read to the composing of the reply. */
  latency: Latency
}

/** `stats()` of a publisher's peer and transports. */
export interface PubStats extends ConnectionStats {
  messages: {
    /** Calls of `pub` with somebody connected. */
    published: number
    /** Copies for subscribers. */
    delivered: number
    /** Copies that subscribers did not get, since they did not keep up. */
    lost: number
  }
}

/** `stats()` of a subscriber's peer and transports. */
export interface SubStats extends ConnectionStats {
  messages: { received: number }
}

/** Things that begin and end: `started = succeeded + failed + timedOut + pending`. */
export interface Outcomes {
  started: number
  succeeded: number
  failed: number
  timedOut: number
  pending: number
}

/** `link.stats()` */
export interface LinkStats {
  /** By type, such as `lookup`; without those that the cache answers. */
  requests: { [type: string]: Outcomes }
  /** HTTP exchanges with grapes. */
  exchanges: Outcomes
  /** Of exchanges that a grape answered. */
  latency: Latency
  /** Lookup answers in the cache. */
  cached: number
  /** Services that are announced again and again. */
  announced: number
  /** Grapes that failed lately and are asked last for now. */
  unreachable: string[]
}
