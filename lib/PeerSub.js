'use strict'

const Backoff = require('./Backoff')
const Messages = require('./messages')
const Peer = require('./Peer')
const Subscription = require('./Subscription')
const { yieldTo } = require('./Subscription')
const TransportSub = require('./TransportSub')
const { isActive, isOurs } = require('./custom')
const { DEST_BACKOFF, PROBE, SUB_DIALS, SUB_LOOKUP_TIMEOUT } = require('./defaults')
const { settled } = require('./drain')
const { TEXT } = require('./errors')
const { Following } = require('./following')
const {
  kBackoff, kClaim, kDials, kDrain, kEndFollowing, kEndWaiting, kEndWishes, kFailed, kFollow, kFollowing, kIsOneOfMany, kIsStopped, kIsWatched, kLookup,
  kLookupAll, kLooksAfter, kLoops, kMeter, kOptions, kReachable, kReconnects, kSaid, kSubscribe, kSubscriptions, kTellFailed, kUnreachable, kWishes, kYield
} = require('./internal')
const { OPTIONS, checkSub } = require('./option-table')
const { inLine } = require('./printable')
const { Wish } = require('./wish')

/**
 * Receives what a service publishes.
 *
 * Events: `connected`, `disconnected`, `message`, and `error` for a lookup or a connection that
 * failed, once for each reason. A subscription is a wish that lasts: where nobody is found it is `waiting`, and
 * looks again until `unsub` or `stop`. A lost connection is made again, unless somebody listens for `disconnected` here or on
 * the transport or for `close` of its socket, or a subclass has `checkConnection`: who does resubscribes by hand. `conf.reconnect`
 * or `opts.reconnect` says so either way. A subscription to all publishers of a key goes on whoever listens.
 */
class PeerSub extends Peer {
  constructor (link, conf) {
    super(link, conf)
    /** What goes through its messages by `for await`. */
    this[kLoops] = new Set()
    /** What is subscribed to, by key. */
    this[kSubscriptions] = new Map()
    /** Those that have no publisher so far. */
    this[kWishes] = new Map()
    /** Subscriptions to all publishers, by key. */
    this[kFollowing] = new Map()
    /** Whom not to choose, and whom not to dial, as of a client. */
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
   * Subscribes to one server of the service `key`, or with `opts.all` to all of them, also to those
   * that come later: `message` and its like have the address for their last argument then.
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
    // Who subscribes by hand, since nobody was there, means the same subscription.
    this[kEndWaiting](wishes)
    const wish = new Wish(key, () => this[kLookup](key, (err, dest, isOneOfMany) => {
      if (wish.isOver || this[kIsStopped]) return
      if (err) return this[kFailed](key, opts, err, wish, wishes)
      wish.end()
      wishes.delete(wish)
      this[kSubscribe](dest, isOneOfMany, key, opts, subscriptions)
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
   * `for await (const message of peer)`: each message from now on, until `stop`. What the loop is
   * too slow for waits, up to `conf.maxBuffered` messages and `conf.highWater` bytes; one more ends
   * the loop with ERR_MESSAGES_LIMIT, after those.
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
   * Nobody was found to subscribe to. It is looked for again, unless `reconnect` is false; where it is, the loops end.
   * Each reason is told once, and each wait by an event.
   */
  [kFailed] (key, opts, err, wish, wishes) {
    // The link was stopped.
    const isEnd = err.message === TEXT.TRANSPORT_CLOSE
    const lasts = this[kSaid](opts) !== false && !isEnd
    // Of several that find nobody one goes on: it is the same subscription.
    if (!lasts || wishes.size > 1) {
      wish.end()
      wishes.delete(wish)
    }
    if (wish.isOver && (lasts || (isEnd && wish.failures > 0))) return
    const isNew = wish.reason !== err.message
    wish.reason = err.message
    const wait = lasts ? wish.failed() : null
    if (isNew) this[kTellFailed](key, err, wait !== null)
    // A listener may have ended it.
    if (wait !== null && !wish.isOver) this.emit('waiting', { key, error: err, attempts: wish.failures, wait })
  }

  [kTellFailed] (key, err, isTriedAgain) {
    if (this.listenerCount('error') > 0) return this.emit('error', err)
    if (isTriedAgain ? this.listenerCount('waiting') === 0 : this[kLoops].size === 0) {
      const state = isTriedAgain ? `still looking for a publisher of ${inLine(key)}` : `there is no subscription to ${inLine(key)}`
      // As with the original, what a grape says ends no process.
      process.emitWarning(`${state}, and nobody listens for error: ${inLine(err.message)}`, {
        type: 'GrenacheWarning', code: 'ERR_NO_SUBSCRIPTION'
      })
    }
    if (!isTriedAgain) for (const messages of [...this[kLoops]]) messages.fail(err)
  }

  /** `cb(err, dest, isOneOfMany)`: one that answers, where it is known which do. */
  [kLookup] (key, cb) {
    this[kLookupAll](key, (err, dests) => {
      if (err) return cb(err)
      // A link of somebody's own may say anything.
      const isList = Array.isArray(dests)
      cb(null, this.dest(isList ? this[kBackoff].best(dests) : dests, key), isList && dests.length > 1)
    })
  }

  /** Whether `dest` may be dialled once more; then nobody else does until that failed or went well. */
  [kClaim] (dest) {
    if (this[kDials].left(dest) > 0) return false
    this[kDials].tries(dest, PROBE)
    return true
  }

  /** Who waits for it need not wait on. */
  [kReachable] (dest) {
    const isBack = this[kDials].left(dest) > 0
    for (const backoff of [this[kBackoff], this[kDials]]) backoff.reach(dest)
    if (!isBack) return
    for (const subscriptions of this[kSubscriptions].values()) {
      for (const subscription of subscriptions) subscription.hurry(dest)
    }
    for (const following of this[kFollowing].values()) following.hurry(dest)
  }

  /** A connection of `since` was lost, or could not be made. `lasted`: before that it was a good one. */
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
      // It is looked up again anyway.
      fail: err => this.listenerCount('error') > 0 && this.emit('error', err)
    }))
  }

  [kSubscribe] (dest, isOneOfMany, key, opts, subscriptions) {
    for (const subscription of [...subscriptions]) {
      // Or somebody stopped it, and subscribes again by hand.
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
    }))
  }

  /** `transport` is connected by hand to `dest`, for `key` if it is given: what connects by itself to the same is too much. */
  [kYield] (transport, dest, key) {
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

  /** What `reconnect` says, if anything. */
  [kSaid] (opts) {
    return [opts && opts.reconnect, this.conf.reconnect].find(reconnect => typeof reconnect === 'boolean')
  }

  /** What came before is for the loops. */
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

/** Whether none of them is replaced, so that all transports are alike. */
function isPlain (peer) {
  return peer.transport === transport && peer.newTransport === newTransport && peer.getTransportClass === getTransportClass
}

PeerSub.prototype[kOptions] = OPTIONS.PeerSub

module.exports = PeerSub
