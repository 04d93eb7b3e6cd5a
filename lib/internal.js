'use strict'

// The private members of what services get to see and may extend. A subclass, or whoever keeps
// something on an object of ours, may use any name: so these have none.

/**
 * What one copy of this package asks of another one: a link of the link package's own copy. Both have
 * to say the same.
 */
const shared = name => Symbol.for(`grenache-nodejs-ws-native.${name}`)

module.exports = {
  // Of several classes

  /** The counts for `stats()`. */
  kMeter: Symbol('meter'),
  /** The options that it has, by name. */
  kOptions: Symbol('options'),
  /** What `stop({ drain })` does before `_stop`. */
  kDrain: Symbol('drain'),
  /** The connections that are open, or about to be. */
  kOpenConnections: Symbol('openConnections'),
  /** Whether a peer was stopped, and not inited since. */
  kIsStopped: Symbol('isStopped'),
  /** Whether no hook of a transport is replaced, so that the native side may do the work of all. */
  kIsNative: Symbol('isNative'),
  /** Whether the native side sends a transport's next request, too. */
  kIsNativeNow: Symbol('isNativeNow'),
  /** Whether somebody listens: to the end of a subscription, to the messages of a socket. */
  kIsWatched: Symbol('isWatched'),
  /** The native connection behind a transport, a socket or a TCP socket. */
  kConnection: Symbol('connection'),
  /** The native server behind a transport or the object like `ws`'s server; what hears a loop's messages. */
  kListener: Symbol('listener'),
  /** The object like `ws`'s server, once somebody has asked for it. */
  kFace: Symbol('face'),
  /** What has the closed socket of a connection that was lost. */
  kGone: Symbol('gone'),
  /** What was assigned to a transport's `socket`. */
  kSocket: Symbol('socket'),
  /** Somebody may have sockets of its subscribers. */
  kHasShown: Symbol('hasShown'),
  /** A publisher's subscribers by their ids, once somebody has asked for them. */
  kSockets: Symbol('sockets'),
  /** The functions of `handle`, by key. */
  kHandlers: Symbol('handlers'),
  /** Subscriptions that have no publisher so far, by key. */
  kWishes: Symbol('wishes'),
  kEndWaiting: Symbol('endWaiting'),
  kEndWishes: Symbol('endWishes'),
  /** Tells why nobody was found. */
  kTellFailed: Symbol('tellFailed'),
  /** What `reconnect` of a subscription says. */
  kSaid: Symbol('said'),
  /** Looks a key up with the peer's link. */
  kLookup: Symbol('lookup'),
  /** The same, until somebody is found. */
  kLookupWithin: Symbol('lookupWithin'),
  /** The same, of what the link keeps. */
  kLookupKept: Symbol('lookupKept'),
  /** Nobody was found for a request that waits. */
  kAbsent: Symbol('absent'),
  /** One with options that most have not, and whether one may be sent. */
  kRequestOther: Symbol('requestOther'),
  kAdmit: Symbol('admit'),
  /** Sends requests again that a server has not begun. */
  kResend: Symbol('resend'),
  /** One of them, to one of these destinations. */
  kSendElsewhere: Symbol('sendElsewhere'),
  /** Another transport to the same destination. */
  kOtherTo: Symbol('otherTo'),
  /** Of a request: where it may go, if not anywhere; and how often it was sent again. */
  kAim: Symbol('aim'),
  kResent: Symbol('resent'),
  /** The error for a transport that is stopped. */
  kStopped: Symbol('stopped'),
  /** Of options of a request that is sent again: the timeout that it had first. */
  kFirstTimeout: Symbol('firstTimeout'),
  /** A destination failed. */
  kUnreachable: Symbol('unreachable'),
  /** A destination was reached. */
  kClaim: Symbol('claim'),
  kTryListening: Symbol('tryListening'),
  kReachable: Symbol('reachable'),
  /** A transport has lost its connection. */
  kLeave: Symbol('leave'),
  /** It makes another one. */
  kJoin: Symbol('join'),
  /** Tells those who wait, or who listen, of a failure. */
  kFail: Symbol('fail'),
  /** A peer's latest transport. */
  kLatest: Symbol('latest'),
  /** The transports that stop with their peer. */
  kTransports: Symbol('transports'),
  /** Remembers a transport. */
  kKeep: Symbol('keep'),
  /** The latest transport, made if there is none. */
  kServer: Symbol('server'),

  // Links

  /** `forget(dest)`, whatever a subclass has of that name. */
  kForget: shared('forget'),
  /** `stopAnnouncingPort(port)`, the same. */
  kStopAnnouncingPort: shared('stopAnnouncingPort'),
  /** Ends all that it announces; resolves once the grapes know, or do not answer. */
  kStopAnnouncingAll: shared('stopAnnouncingAll'),
  /** Calls back once the grapes know that a key and port are announced no more. */
  kWhenTold: shared('whenTold'),
  /** The addresses that it has announced for other hosts. */
  kOwnAddresses: shared('ownAddresses'),
  /** The ports that it has announced. */
  kOwnPorts: shared('ownPorts'),
  /** Who listens to it. */
  kEvents: Symbol('events'),
  /** Whether it was started, and not stopped since. */
  kStarted: Symbol('started'),
  /** What is under way between its start and its stop. */
  kLife: Symbol('life'),
  /** What it announces again and again. */
  kAnnouncer: Symbol('announcer'),
  /** What tells of its announces. */
  kNews: Symbol('news'),
  /** Why a key and port are not announced, if they are not. */
  kAnnounceError: Symbol('announceError'),
  /** Whether a callback is told of a grape's refusal, and not only of errors. */
  kHears: Symbol('hears'),
  /** Whether its grapes answer. */
  kGrapeState: Symbol('grapeState'),
  /** The grapes that failed lately. */
  kGrapesBackoff: Symbol('grapesBackoff'),
  /** The grape of this machine, with `embedded`. */
  kEmbedded: Symbol('embedded'),
  /** The key that was looked up last. */
  kHashed: Symbol('hashed'),
  /** Whether the answer that a cache gave last should be asked for again; and says that it is. */
  kIsDue: Symbol('isDue'),
  kRefresh: Symbol('refresh'),
  /** What lookups found last, for when no grape can be asked. */
  /** When a link found last that no grape can be asked. */
  kAloneAt: Symbol('aloneAt'),
  kLastKnown: Symbol('lastKnown'),
  /** The text that names its request. */
  kHashText: Symbol('hashText'),
  /** The text that names a request. */
  kHash: Symbol('hash'),
  /** Lets equal requests share one exchange. */
  kShare: Symbol('share'),
  /** Whether the end of an announce is told to the grapes. */
  kTakesBack: Symbol('takesBack'),
  /** Tells them. */
  kUnannounce: Symbol('unannounce'),
  /** Asks one grape after the other. */
  kAsk: Symbol('ask'),
  /** The addresses that a request may go to. */
  kGrapes: Symbol('grapes'),
  /** One exchange with one grape. */
  kExchange: Symbol('exchange'),
  /** The same, once the grape is known. */
  kExchangeOnce: Symbol('exchangeOnce'),
  /** Goes on once the embedded grape may be asked. */
  kWhenTrusted: Symbol('whenTrusted'),
  /** Whose promises they are. */
  kLink: Symbol('link'),

  // Peers of clients

  /** Names of destinations that are mapped to others. */
  kAliases: Symbol('aliases'),
  /** A transport to what a destination is mapped to. */
  kTransportFor: Symbol('transportFor'),
  /** Whether the options of a call are kept for when it is sent again. */
  kRemembers: Symbol('remembers'),
  /** The destinations that let a request in no more. */
  kTried: Symbol('tried'),
  /** The destinations that failed lately. */
  kBackoff: Symbol('backoff'),
  /** When new connections to destinations may be made whose connections failed. */
  kDials: Symbol('dials'),
  /** The destinations that are silent. */
  kSuspects: Symbol('suspects'),
  /** A destination was silent while requests expired. */
  kSilent: Symbol('silent'),
  /** How a transport is to connect. */
  kDialling: Symbol('dialling'),
  /** Those that may be asked. */
  kUsable: Symbol('usable'),
  /** Finds out whether a destination can be reached. */
  kProbe: Symbol('probe'),
  /** Whether the destination of a request is one of several. */
  kIsOneOfMany: Symbol('isOneOfMany'),
  /** Gives up the connections of a destination that is dead. */
  kBury: Symbol('bury'),
  /** A pool's transports to a destination. */
  kTransportsTo: Symbol('transportsTo'),
  /** Chooses a transport to a destination whose connections failed. */
  kChooseProven: Symbol('chooseProven'),
  /** Connects one more to it. */
  kConnectAnother: Symbol('connectAnother'),
  /** What chooses by `conf.balance`; null for `random`. */
  kBalancer: Symbol('balancer'),
  /** The requests that are tried again. */
  kTries: Symbol('tries'),
  /** How many requests are under way, where there is a limit. */
  kUnderWay: Symbol('underWay'),
  /** Sends a request to a destination. */
  kSend: Symbol('send'),
  /** Sends it again and again, elsewhere while there is an elsewhere. */
  kRetry: Symbol('retry'),
  /** Ends a request that reaches no transport. */
  kReject: Symbol('reject'),
  kRejectCall: Symbol('rejectCall'),
  /** Lets a request count until its callback is called. */
  kCounted: Symbol('counted'),

  // Answers that are kept

  /** What is kept, the least recently used first. */
  kEntries: Symbol('entries'),
  /** What was used last. */
  kNewest: Symbol('newest'),
  /** When each member was forgotten last. */
  kForgotten: Symbol('forgotten'),
  /** How many were. */
  kForgets: Symbol('forgets'),
  /** What is kept under a key, unless it is too old. */
  kFind: Symbol('find'),
  /** Keeps it as the newest. */
  kPut: Symbol('put'),
  /** Takes it out, and says so. */
  kEvict: Symbol('evict'),
  /** Takes out what was forgotten since it was read. */
  kUpdate: Symbol('update'),

  // Pools of transports

  /** All transports, to whatever destination. */
  kAll: Symbol('all'),
  /** Whether somebody's own method is to be asked for each request. */
  kAsks: Symbol('asks'),
  /** What ends a pool's interval. */
  kPoolTimer: Symbol('poolTimer'),
  /** Lets go of all, and returns them. */
  kTakeAll: Symbol('takeAll'),
  /** Chooses one to a destination, once there are enough. */
  kChoose: Symbol('choose'),
  /** Chooses one that is connected. */
  kChooseOpen: Symbol('chooseOpen'),
  kChooseOther: Symbol('chooseOther'),
  /** One has lost its connection. */
  kLose: Symbol('lose'),
  /** Those that have lost theirs, with their destinations. */
  kPoolLost: Symbol('poolLost'),
  /** Which one was chosen, by destination, and how often it may still be. */
  kRuns: Symbol('runs'),
  /** How many transports there are; requests of the socket lane. */
  kSize: Symbol('size'),
  /** How many there may be. */
  kMost: Symbol('most'),
  /** Lets go of all. */
  kEmpty: Symbol('empty'),
  /** Stops those that are idle for longest. */
  kShed: Symbol('shed'),

  // Peers of subscribers

  /** What goes through its messages by `for await`. */
  kLoops: Symbol('loops'),
  /** What `sub` began and `unsub` ends, by key. */
  kSubscriptions: Symbol('subscriptions'),
  /** Subscriptions to all publishers, by key. */
  kFollowing: Symbol('following'),
  /** Begins one. */
  kFollow: Symbol('follow'),
  /** Ends all of them. */
  kEndFollowing: Symbol('endFollowing'),
  /** All addresses of a key. */
  kLookupAll: Symbol('lookupAll'),
  /** The address that the messages of a transport are told with, if they are. */
  kSource: Symbol('source'),
  /** Says that there will be no subscription. */
  kFailed: Symbol('failed'),
  /** Subscribes to one destination. */
  kSubscribe: Symbol('subscribe'),
  /** Whether a lost subscription is made again. */
  kReconnects: Symbol('reconnects'),

  // Transports of clients

  /** When the request that is being sent was made. */
  kAskedAt: Symbol('askedAt'),
  /** What waits of the request that is being made. */
  kBegun: Symbol('begun'),
  /** Takes out of `cbq` what waits for the connection. */
  kTakeQueued: Symbol('takeQueued'),
  /** Connections that are replaced, and have requests to answer. */
  kRetired: Symbol('retired'),
  /** When the connection was open. */
  kOpenSince: Symbol('openSince'),
  /** Whether the peer's pool was told that the connection is lost. */
  kIsAway: Symbol('isAway'),
  /** The key that was asked last. */
  kKey: Symbol('key'),
  /** Its text. */
  kKeyText: Symbol('keyText'),
  /** Makes that. */
  kSetKey: Symbol('setKey'),
  /** Deadlines of the requests of the socket lane. */
  kDeadlines: Symbol('deadlines'),
  /** The timer for them. */
  kSweeper: Symbol('sweeper'),
  /** When that fires. */
  kSweepAt: Symbol('sweepAt'),
  /** Lets it fire by a deadline. */
  kSweepBy: Symbol('sweepBy'),
  /** Ends what is expired. */
  kSweep: Symbol('sweep'),
  /** Its connection is not used any more: the other side is silent. */
  kReplace: Symbol('replace'),
  /** The requests of the socket lane that a stop ends. */
  kEnding: Symbol('ending'),
  /** Whether it takes no more requests. */
  kDraining: Symbol('draining'),
  /** Whether there were requests since `_req_last_ts`. */
  kMoreRequests: Symbol('moreRequests'),
  /** How many requests have no answer. */
  kWaiting: Symbol('waiting'),
  /** A request's timeout; what a TCP socket's `setTimeout` said. */
  kTimeout: Symbol('timeout'),
  /** Sends a request, by whichever lane; starts a grape. */
  kStart: Symbol('start'),
  /** Sends it by the native lane. */
  kRequestNative: Symbol('requestNative'),
  /** Sends it by the socket lane. */
  kRequestBySocket: Symbol('requestBySocket'),
  /** Sends it for a Promise. */
  kRequestPromised: Symbol('requestPromised'),
  /** Sends it until a signal ends it. */
  kRequestAbortable: Symbol('requestAbortable'),
  /** Sends it, and tells those who watch. */
  kRequestWatched: Symbol('requestWatched'),
  /** Drops the requests that a signal ended. */
  kForgetRequests: Symbol('forgetRequests'),
  /** Ends a request that cannot be sent; what ends a client that is no connection yet. */
  kRefuse: Symbol('refuse'),
  /** `parse` of what the native side has looked at. */
  kParse: Symbol('parse'),
  /** Hears the replies of the native connection by its socket. */
  kHearConnection: Symbol('hearConnection'),
  /** Listens to a socket, whoever made it. */
  kHearSocket: Symbol('hearSocket'),
  /** Takes a message of a socket for a reply. */
  kHearReply: Symbol('hearReply'),
  /** Closes it. */
  kCloseSocket: Symbol('closeSocket'),
  /** The connection is open. */
  kOnOpened: Symbol('onOpened'),
  /** It is over. */
  kOnClosed: Symbol('onClosed'),
  /** Lets another one take its place. */
  kRetire: Symbol('retire'),
  /** A transport's server drains. */
  kOnLeaving: Symbol('onLeaving'),
  /** Whether its connection may move something large. */
  kMayMove: Symbol('mayMove'),
  /** Looks whether it does. */
  kMoves: Symbol('moves'),
  /** Sends a request again, by its texts. */
  kRequestAgain: Symbol('requestAgain'),
  /** The connection for a request, which may be a new one. */
  kConnectionFor: Symbol('connectionFor'),

  // Transports of servers

  /** Makes the object for a connection that came in, for a listener. */
  kNewConnection: Symbol('newConnection'),
  /** Hears that it is there. */
  kOnConnection: Symbol('onConnection'),
  /** Hears that a port cannot be had after all. */
  kOnListenError: Symbol('onListenError'),
  /** Ends a publisher's listener. */
  kUnlisten: Symbol('unlisten'),
  /** Makes the listener. */
  kListen: Symbol('listen'),
  /** Makes one without TLS. */
  kPlainListener: Symbol('plainListener'),
  /** Makes one with TLS. */
  kSecureListener: Symbol('secureListener'),
  /** Learns the port that the system has chosen. */
  kTakePort: Symbol('takePort'),
  /** Answers what comes from a socket, whoever made it. */
  kServeSocket: Symbol('serveSocket'),
  /** Makes the listener that does. */
  kServing: Symbol('serving'),
  /** Lets a handler, or who listens, answer a request. */
  kAnswer: Symbol('answer'),
  /** The text of an answer. */
  kFormatReply: Symbol('formatReply'),
  /** Who asks: the connection, or what stands for it. */
  kCaller: Symbol('caller'),
  /** What aborts the signal of a handler's request. */
  kController: Symbol('controller'),
  /** The request of a handler is answered. */
  kEnd: Symbol('end'),
  /** Publishes by the socket objects. */
  kPubBySocket: Symbol('pubBySocket'),
  /** Tells of subscribers that are too far behind. */
  kTellSlow: Symbol('tellSlow'),

  // Transports of subscribers

  /** Whether it keeps the process alive. */
  kHeld: Symbol('held'),
  /** What its peer decides when the publisher is lost. */
  kOnLost: Symbol('onLost'),
  /** Ends a connection that somebody gives up. */
  kLetGo: Symbol('letGo'),
  /** The connection is lost. */
  kLost: Symbol('lost'),
  /** Says that a destination cannot be reached. */
  kTell: Symbol('tell'),
  /** What its peer does when somebody connects or ends it by hand. */
  kByHand: Symbol('byHand'),
  /** A transport begins a subscription of its peer. */
  kIsBegun: Symbol('isBegun'),
  /** What lookups call the address that it connects to. */
  kName: Symbol('name'),
  /** Says so. */
  kCallIt: Symbol('callIt'),
  /** Ends what is connected again by itself, since somebody does so by hand. */
  kYield: Symbol('yield'),
  /** Its peer connects it again. */
  kIsAutomatic: Symbol('isAutomatic'),
  /** Whether somebody listened for `close` of the socket that was lost. */
  kIsSocketWatched: Symbol('isSocketWatched'),
  /** Whether a subclass looks after its connection. */
  kLooksAfter: Symbol('looksAfter'),
  /** Ends it without a word: another one takes its place. */
  kGiveUp: Symbol('giveUp'),

  // The messages of a subscriber

  /** Whose they are. */
  kSub: Symbol('sub'),
  /** What may wait. */
  kLimit: Symbol('limit'),
  /** Called once nothing more is needed. */
  kOnEnd: Symbol('onEnd'),
  /** Messages that nobody has asked for. */
  kKept: Symbol('kept'),
  /** Where the next one is; where a grape's node or API is. */
  kAt: Symbol('at'),
  /** What they have together. */
  kBytes: Symbol('bytes'),
  /** Those who wait for a message. */
  kAsked: Symbol('asked'),
  /** Whether it has ended. */
  kOver: Symbol('over'),
  /** What the loop is to end with. */
  kError: Symbol('error'),
  /** Takes a message. */
  kTake: Symbol('take'),
  /** Hands the next one out. */
  kShift: Symbol('shift'),
  /** Ends it, after what waits. */
  kFinish: Symbol('finish'),

  // Objects like those of `ws`

  /** Callbacks of what is not written yet. */
  kSent: Symbol('sent'),
  /** Whether a message was begun that more fragments belong to. */
  kIsFragmenting: Symbol('isFragmenting'),
  /** Whether it has said that it was ended before it was open. */
  kIsEarlyTold: Symbol('isEarlyTold'),
  /** Whether it hears what comes right behind the handshake. */
  kWatchesOpen: Symbol('watchesOpen'),
  /** The handshake is done. */
  kOpened: Symbol('opened'),
  /** Whether somebody has put another method in the place of `send`. */
  kIsPatched: Symbol('isPatched'),
  /** A message has come. */
  kMessage: Symbol('message'),
  /** A socket's listener that is this package's own: what answers requests, or takes replies. */
  kOwn: Symbol('own'),
  /** The connection that a server's own listener of `connection` has from the native side already. */
  kAdding: Symbol('adding'),
  /** Somebody has put something before the own listener: nothing is served before that is called. */
  kDisown: Symbol('disown'),
  /** A client of a server is among its `clients`. */
  kTrack: Symbol('track'),
  /** What a transport does with a connection that the native side serves. */
  kTakeIn: Symbol('takeIn'),
  /** What a transport does with a socket that its own listener of `connection` is called with, by whomever. */
  kServeFace: Symbol('serveFace'),
  /** The transport whose connections a server's own listener serves. */
  kServed: Symbol('served'),
  /** The options of a server's face, some of which are accessors. */
  kFaceOptions: Symbol('faceOptions'),
  /** What the native side has handled of what is being emitted, if it has. */
  kHandled: Symbol('handled'),
  /** Lets the native side go when somebody has taken the own listener away. */
  kKeepOwn: Symbol('lookForOwn'),
  /** Nothing waits any more. */
  kDrained: Symbol('drained'),
  /** It is over. */
  kClosed: Symbol('closed'),
  /** Sends a control frame. */
  kControl: Symbol('control'),
  /** Sends a frame. */
  kFrame: Symbol('frame'),
  /** Calls back when it is written. */
  kAfterWrite: Symbol('afterWrite'),
  /** Throws before there is a connection. */
  kMustBeConnected: Symbol('mustBeConnected'),
  /** Whether a server is open, closing or closed. */
  kState: Symbol('state'),
  /** Whose server it is. */
  kTransport: Symbol('transport'),
  /** Stands for a listener, or for a connection. */
  kAttach: Symbol('attach'),
  /** Hears of a connection that came in. */
  kAdd: Symbol('add'),
  /** Says why there is no port. */
  kRefused: Symbol('refused'),
  /** Is a transport's from now on. */
  kBelongTo: Symbol('belongTo'),

  // TCP sockets

  /** The client's address, where it is known before the connection. */
  kRemote: Symbol('remote'),
  /** Both addresses. */
  kEnds: Symbol('ends'),
  /** Whether they are known. */
  kIsComplete: Symbol('isComplete'),
  /** Whether it was destroyed. */
  kIsDestroyed: Symbol('isDestroyed'),
  /** The timer for `timeout`. */
  kTimer: Symbol('timer'),
  /** Asks for the addresses. */
  kLook: Symbol('look'),
  /** Bytes that came and went. */
  kTraffic: Symbol('traffic'),
  /** Their sum. */
  kMoved: Symbol('moved'),
  /** Whether it has a connection that is not over. */
  kIsLive: Symbol('isLive'),
  /** Looks whether it changes. */
  kWatch: Symbol('watch'),
  /** Sets options of the system's socket. */
  kSet: Symbol('set'),

  // Grapes

  /** The native node, while it runs. */
  kNative: Symbol('native'),
  /** Callbacks of requests, by number. */
  kRequests: Symbol('requests'),
  /** The number of the latest one. */
  kLastRequest: Symbol('lastRequest'),
  /** What follows when a native node has stopped. */
  kStopping: Symbol('stopping'),
  /** `startNow()`, whatever a subclass has of that name. */
  kStartNow: Symbol('startNow'),
  /** `request(type, data, cb)`, the same. */
  kRequest: Symbol('request'),
  /** Says which frequent events are wanted. */
  kWant: Symbol('want'),
  /** Whose API it is. */
  kGrape: Symbol('grape'),
  /** What the node does, by name. */
  kCalls: Symbol('calls'),
  /** Hears what the native node tells. */
  kTold: Symbol('told')
}
