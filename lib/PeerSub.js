'use strict'

const Backoff = require('./util/Backoff')
const Messages = require('./subscriber/Messages')
const Peer = require('./base/Peer')
const Subscription = require('./subscriber/Subscription')
const { yieldTo } = require('./subscriber/Subscription')
const TransportSub = require('./TransportSub')
const { isActive, isOurs } = require('./base/foreignTransport')
const { DEST_BACKOFF, MAX_ERROR_SHOWN, PROBE, SUB_DIALS, SUB_LOOKUP_TIMEOUT } = require('./options/defaults')
const { settled } = require('./util/drain')
const { TEXT } = require('./errors/errors')
const { Following } = require('./subscriber/Following')
const {
  kBackoff, kClaim, kDials, kDrain, kEndFollowing, kEndWaiting, kEndWishes, kFailed, kFollow, kFollowing, kIsOneOfMany, kIsStopped, kIsWatched, kLookup,
  kLookupAll, kLooksAfter, kLoops, kMeter, kOptions, kReachable, kReconnects, kSaid, kSubscribe, kSubscriptions, kTellFailed, kUnreachable, kWishes, kEndAutomatic
} = require('./util/symbols')
const { OPTIONS, checkSub } = require('./options/optionTable')
const { inLine } = require('./errors/printable')
const warnOnce = require('./errors/warnOnce')
const { PublisherSearch, replaceWishes } = require('./subscriber/PublisherSearch')

/**
 * Receives what a service publishes.
 *
 * Events: `connected`, `disconnected`, `message`, and `error` for a failed lookup or connection, once for each
 * reason. If there is no publisher, the subscription emits `waiting` and looks up again until `unsub` or `stop`. A
 * lost connection is made again, unless there is a listener for `disconnected` on the peer or the transport or for
 * `close` on its socket, or a subclass has `checkConnection`: such code resubscribes by hand. `conf.reconnect` or
 * `opts.reconnect` overrides this. A subscription to all publishers of a key always goes on.
 */
class PeerSub extends Peer {
  constructor (link, conf) {
    super(link, conf)
    /** The `for await` loops over its messages. */
    this[kLoops] = new Set()
    /** Subscriptions by key. */
    this[kSubscriptions] = new Map()
    /** Subscriptions that have no publisher yet. */
    this[kWishes] = new Map()
    /** Subscriptions to all publishers, by key. */
    this[kFollowing] = new Map()
    /** Backoff for choosing and for dialling publishers, as in a client. */
    this[kBackoff] = new Backoff(DEST_BACKOFF)
    this[kDials] = new Backoff(SUB_DIALS)
  }

  getTransportClass () {
    return TransportSub
  }

  /** See docs/OBSERVABILITY.md. */
  stats () {
    return this[kMeter].ofSubscriber()
  }

  /**
   * Subscribes to one server of the service `key`, or with `opts.all` to all of them, including later ones: the last
   * argument of `message` and similar events is then the address.
   * @param {object} [opts] `reconnect`; `all`, `refresh` ms between two lookups, `exclude` and `self`
   */
  sub (key, opts) {
    checkSub(opts)
    if (opts && opts.all) return this[kFollow](key, opts)
    const subscriptions = this[kSubscriptions].get(key) || new Set()
    this[kSubscriptions].set(key, subscriptions)
    yieldTo(this.link, key, subscriptions)
    const wishes = this[kWishes].get(key) || new Set()
    this[kWishes].set(key, wishes)
    // A user who calls `sub` again because there was no publisher means the same subscription.
    this[kEndWaiting](wishes)
    replaceWishes(this.link, key, wishes)
    const wish = new PublisherSearch(key, () => this[kLookup](key, (err, dest, isOneOfMany) => {
      if (wish.isOver || this[kIsStopped]) return
      if (err) return this[kFailed](key, opts, err, wish, wishes)
      const { isTold } = wish
      wish.end()
      wishes.delete(wish)
      this[kSubscribe](dest, isOneOfMany, key, opts, subscriptions, isTold)
    }))
    wishes.add(wish)
    wish.look()
  }

  [kEndWaiting] (wishes) {
    for (const wish of [...wishes]) {
      if (!wish.isWaiting) continue
      wish.end()
      wishes.delete(wish)
    }
  }

  /** Ends what `sub` began for this key. */
  unsub (key) {
    const subscriptions = this[kSubscriptions].get(key) || []
    this[kSubscriptions].delete(key)
    for (const wish of this[kWishes].get(key) || []) wish.end()
    this[kWishes].delete(key)
    for (const subscription of [...subscriptions]) subscription.stop()
    const following = this[kFollowing].get(key)
    this[kFollowing].delete(key)
    if (following !== undefined) following.end()
  }

  /**
   * `for await (const message of peer)`: each message from now on, until `stop`. Messages wait for a slow loop, up to
   * `conf.maxBuffered` messages and `conf.highWater` bytes; beyond that the loop ends with ERR_MESSAGES_LIMIT, after
   * the waiting messages.
   */
  [Symbol.asyncIterator] () {
    const messages = new Messages(this, {
      messages: OPTIONS.PeerSub.maxBuffered.of(this.conf.maxBuffered),
      bytes: OPTIONS.PeerSub.highWater.of(this.conf.highWater)
    }, () => this[kLoops].delete(messages))
    this[kLoops].add(messages)
    if (this[kIsStopped]) messages.end()
    return messages
  }

  /**
   * No publisher was found. Looks up again, unless `reconnect` is false, which ends the loops. Each reason is
   * reported once, and each wait with an event.
   */
  [kFailed] (key, opts, err, wish, wishes) {
    // The link was stopped.
    const isEnd = err.message === TEXT.TRANSPORT_CLOSE
    const lasts = this[kSaid](opts) !== false && !isEnd
    // Several failed calls of `sub` are the same subscription: only one continues.
    if (!lasts || wishes.size > 1) {
      wish.end()
      wishes.delete(wish)
    }
    if (wish.isOver && (lasts || (isEnd && wish.failures > 0))) return
    const isNew = wish.reason !== err.message
    wish.reason = err.message
    const wait = lasts ? wish.failed() : null
    if (wait !== null && this.listenerCount('error') > 0 && this[kSaid](opts) !== true) wish.isToldTo(this.link)
    if (isNew) this[kTellFailed](key, err, wait !== null)
    // A listener may have ended it.
    if (wait !== null && !wish.isOver) this.emit('waiting', { key, error: err, attempts: wish.failures, wait })
  }

  [kTellFailed] (key, err, isTriedAgain) {
    if (this.listenerCount('error') > 0) return this.emit('error', err)
    if (isTriedAgain ? this.listenerCount('waiting') === 0 : this[kLoops].size === 0) {
      const state = isTriedAgain ? `still looking for a publisher of ${inLine(key)}` : `there is no subscription to ${inLine(key)}`
      // As with the original, a grape's reply never ends the process. A grape may choose the text.
      const text = inLine(err.message).slice(0, MAX_ERROR_SHOWN)
      warnOnce(this, 'ERR_NO_SUBSCRIPTION', `${state}: ${text}`, () => `${state}, and nobody listens for error: ${text}`)
    }
    if (!isTriedAgain) for (const messages of [...this[kLoops]]) messages.fail(err)
  }

  /** `cb(err, dest, isOneOfMany)`: an address that did not fail, if known. */
  [kLookup] (key, cb) {
    this[kLookupAll](key, (err, dests) => {
      if (err) return cb(err)
      // A foreign link may return anything.
      const isList = Array.isArray(dests)
      cb(null, this.dest(isList ? this[kBackoff].best(dests) : dests, key), isList && dests.length > 1)
    })
  }

  /**
   * Whether `dest` may be dialled now; if so, no other subscription dials it until this attempt fails or succeeds.
   */
  [kClaim] (dest) {
    if (this[kDials].left(dest) > 0) return false
    this[kDials].tries(dest, PROBE)
    return true
  }

  /** Subscriptions waiting to dial it need not wait any longer. */
  [kReachable] (dest) {
    const isBack = this[kDials].left(dest) > 0
    for (const backoff of [this[kBackoff], this[kDials]]) backoff.reach(dest)
    if (!isBack) return
    for (const subscriptions of this[kSubscriptions].values()) {
      for (const subscription of subscriptions) subscription.hurry(dest)
    }
    for (const following of this[kFollowing].values()) following.hurry(dest)
  }

  /** A connection begun at `since` was lost or could not be made. `lasted`: it was a good one before. */
  [kUnreachable] (dest, since, lasted) {
    for (const backoff of [this[kBackoff], this[kDials]]) {
      if (lasted) backoff.succeed(dest)
      backoff.fail(dest, false, since)
    }
  }

  [kLookupAll] (key, cb) {
    this.link.lookup(key, { timeout: SUB_LOOKUP_TIMEOUT }, cb)
  }

  [kFollow] (key, opts) {
    const following = this[kFollowing].get(key)
    if (following !== undefined) return following.again(opts)
    this[kFollowing].set(key, new Following(key, opts, {
      link: this.link,
      lookup: cb => this[kLookupAll](key, (err, dests) => this[kIsStopped] || cb(err, dests)),
      transport: dest => this.transport(dest),
      claim: dest => this[kClaim](dest),
      // The next lookup happens anyway.
      fail: err => this.listenerCount('error') > 0 && this.emit('error', err)
    }))
  }

  /** `isTold`: the service may take it for over, since its lookup failed. */
  [kSubscribe] (dest, isOneOfMany, key, opts, subscriptions, isTold) {
    for (const subscription of [...subscriptions]) {
      // Or the user stopped it, and subscribes again by hand.
      if (subscription.giveUp() || !isActive(subscription.transport)) subscriptions.delete(subscription)
    }
    const transport = this.transport(dest)
    if (isOurs(transport)) transport[kIsOneOfMany] = isOneOfMany
    subscriptions.add(new Subscription(transport, dest, key, opts, {
      link: this.link,
      lookup: cb => this[kLookup](key, cb),
      claim: dest => this[kClaim](dest),
      transport: isPlain(this) ? null : dest => this.transport(dest),
      reconnects: transport => this[kReconnects](transport, opts),
      insists: () => this[kSaid](opts) === true,
      isStopped: () => this[kIsStopped]
    }, isTold))
  }

  /**
   * The user connects `transport` to `dest` by hand, for `key` if given: ends automatic subscriptions that would
   * duplicate it.
   */
  [kEndAutomatic] (transport, dest, key) {
    for (const [name, subscriptions] of this[kSubscriptions]) {
      for (const subscription of [...subscriptions]) {
        if (subscription.transport === transport) continue
        if (name === key ? subscription.giveUp() : subscription.giveUpAt(dest)) subscriptions.delete(subscription)
      }
    }
    yieldTo(this.link, key, this[kSubscriptions].get(key) || new Set())
  }

  [kReconnects] (transport, opts) {
    if (this[kIsStopped]) return false
    const said = this[kSaid](opts)
    if (said !== undefined) return said
    return this.listenerCount('disconnected') === 0 && !transport[kIsWatched]() && !transport[kLooksAfter]()
  }

  /** The `reconnect` option, if set. */
  [kSaid] (opts) {
    return [opts && opts.reconnect, this.conf.reconnect].find(reconnect => typeof reconnect === 'boolean')
  }

  /** The loops still get the earlier messages. */
  async [kDrain] (opts) {
    this[kEndFollowing]()
    this[kEndWishes]()
    await super[kDrain](opts)
    await settled(() => [...this[kLoops]].every(({ isEmpty }) => isEmpty), opts.drain)
  }

  [kEndFollowing] () {
    for (const following of [...this[kFollowing].values()]) following.end()
    this[kFollowing].clear()
  }

  [kEndWishes] () {
    for (const wishes of this[kWishes].values()) {
      for (const wish of wishes) wish.end()
    }
    this[kWishes].clear()
  }

  _stop () {
    this[kEndFollowing]()
    this[kEndWishes]()
    for (const subscriptions of this[kSubscriptions].values()) {
      for (const subscription of subscriptions) subscription.cancel()
    }
    this[kSubscriptions].clear()
    for (const messages of [...this[kLoops]]) messages.end()
    super._stop()
  }
}

/** The hooks that make transports. */
const { getTransportClass, newTransport, transport } = PeerSub.prototype

/** Whether no hook is replaced, so that all transports are alike. */
function isPlain (peer) {
  return peer.transport === transport && peer.newTransport === newTransport && peer.getTransportClass === getTransportClass
}

PeerSub.prototype[kOptions] = OPTIONS.PeerSub

module.exports = PeerSub
