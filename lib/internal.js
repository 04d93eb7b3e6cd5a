'use strict'

// The private members of what services get to see and may extend. A subclass, or whoever keeps
// something on an object of ours, may use any name: so these have none.

/**
 * What one copy of this package asks of another one: a link of the link package's own copy. Both have
 * to say the same.
 */
const shared = name => Symbol.for(`grenache-nodejs-ws-native.${name}`)

/** @type {Object<string, symbol>} */
module.exports = {
  // Links

  /** `forget(dest)`, whatever a subclass has of that name. */
  kForget: shared('forget'),
  /** `stopAnnouncingPort(port)`, the same. */
  kStopAnnouncingPort: shared('stopAnnouncingPort'),
  /** Who listens to it. */
  kEvents: Symbol('events'),
  /** The counts for `stats()`; of peers and transports too. */
  kMeter: Symbol('meter'),
  /** Whether it was started, and not stopped since. */
  kStarted: Symbol('started'),
  /** What is under way between its start and its stop. */
  kLife: Symbol('life'),
  /** What it announces again and again. */
  kAnnouncer: Symbol('announcer'),
  /** The grapes that failed lately. */
  kGrapesBackoff: Symbol('grapesBackoff'),
  /** The grape of this machine, with `embedded`. */
  kEmbedded: Symbol('embedded'),
  /** The key that was looked up last. */
  kHashed: Symbol('hashed'),
  /** The text that names its request. */
  kHashText: Symbol('hashText'),
  /** The text that names a request. */
  kHash: Symbol('hash'),
  /** Lets equal requests share one exchange. */
  kShare: Symbol('share'),
  /** Asks one grape after the other. */
  kAsk: Symbol('ask'),
  /** The addresses that a request may go to. */
  kGrapes: Symbol('grapes'),
  /** One exchange with one grape. */
  kExchange: Symbol('exchange'),
  /** The same, once the grape is known. */
  kExchangeOnce: Symbol('exchangeOnce'),
  /** Goes on once the embedded grape may be asked. */
  kWhenTrusted: Symbol('whenTrusted')
}
