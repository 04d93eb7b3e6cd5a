// Statistics since the peer, transport or link was created; see docs/OBSERVABILITY.md.

/** Durations in ms. Percentiles are never too low, and at most 3.2 % too high. */
export interface Latency {
  /** Number of measurements. */
  count: number
  mean: number
  p50: number
  p90: number
  p99: number
  p999: number
  max: number
}

/** Counters of connections. */
export interface ConnectionStats {
  connections: {
    /** Completed handshakes. */
    opened: number
    /** Closed ones of these. */
    closed: number
    /** Currently open ones. */
    open: number
    /** Of a client: failed before they were open. */
    failed: number
  }
  /** Bytes of WebSocket frames, without TLS overhead. */
  bytes: {
    sent: number
    received: number
    /** Composed, and not yet accepted by the system. */
    waiting: number
  }
}

/** `transport.stats()` of a client. */
export interface ClientStats extends ConnectionStats {
  /** `started = succeeded + failed + timedOut + aborted + pending` */
  requests: {
    /** Sent, or queued for their connection; each attempt counts. */
    started: number
    /** Replied to without an error. */
    succeeded: number
    /** Replied to with an error, or the connection was lost. */
    failed: number
    /** Without a reply in time. */
    timedOut: number
    /** Cancelled by their `signal`. */
    aborted: number
    /** Currently pending. */
    pending: number
    /** Never started: no destination, a limit, a payload without JSON, a stopped peer. */
    rejected: number
  }
  /** Of requests with a reply, from composing the request to reading its reply. */
  latency: Latency
}

/** `peer.stats()` of a client. */
export interface ClientPeerStats extends ClientStats {
  requests: ClientStats['requests'] & {
    /** Attempts after the first. */
    retried: number
  }
  /** Destinations that failed lately and are skipped for now. */
  unreachable: string[]
}

/** `stats()` of a server's peer and transports. */
export interface ServerStats extends ConnectionStats {
  requests: {
    /** Passed to `request` listeners. */
    received: number
    /** Replied to. */
    replied: number
    /** Replied to with an error. */
    failed: number
    /** Not replied to so far. */
    pending: number
    /** Not replied to when the client's connection closed. */
    abandoned: number
    /** Messages that were no requests. */
    invalid: number
  }
  /** Of requests with a reply, from passing them to JavaScript to composing the reply. */
  latency: Latency
}

/** `stats()` of a publisher's peer and transports. */
export interface PubStats extends ConnectionStats {
  messages: {
    /** Calls of `pub` with any subscriber connected. */
    published: number
    /** Copies for subscribers. */
    delivered: number
    /** Copies dropped for subscribers that did not keep up. */
    lost: number
  }
}

/** `stats()` of a subscriber's peer and transports. */
export interface SubStats extends ConnectionStats {
  messages: { received: number }
}

/** Operations: `started = succeeded + failed + timedOut + pending`. */
export interface Outcomes {
  started: number
  succeeded: number
  failed: number
  timedOut: number
  pending: number
}

/** `link.stats()` */
export interface LinkStats {
  /** By type, such as `lookup`; without those served from the cache. */
  requests: { [type: string]: Outcomes }
  /** HTTP exchanges with grapes. */
  exchanges: Outcomes
  /** Of exchanges with a grape's response. */
  latency: Latency
  /** Lookups in the cache. */
  cached: number
  /** Services that are announced periodically. */
  announced: number
  /** Grapes that failed lately and are tried last for now. */
  unreachable: string[]
}
