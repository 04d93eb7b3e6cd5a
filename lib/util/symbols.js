'use strict'

// Symbols of the private members of objects that services receive and may extend. A subclass, or code that stores a
// property on one of these objects, may use any name: so private members have none.

/**
 * Symbols used between two copies of this package, as a link of the link package's own copy. Both copies must use the
 * same names.
 */
const shared = name => Symbol.for(`grenache-nodejs-ws-native.${name}`)

module.exports = {
  // Of several classes

  /** The counts for `stats()`. */
  kMeter: Symbol('meter'),
  /** An object's options, by name. */
  kOptions: Symbol('options'),
  /** The part of `stop({ drain })` before `_stop`. */
  kDrain: Symbol('drain'),
  /** The connections that are open or connecting. */
  kOpenConnections: Symbol('openConnections'),
  /** Whether a peer was stopped, and not inited since. */
  kIsStopped: Symbol('isStopped'),
  /** Whether no hook of a transport is replaced, so that the native side may do all of its work. */
  kIsNative: Symbol('isNative'),
  /** Whether the native side also sends a transport's next request. */
  kIsNativeNow: Symbol('isNativeNow'),
  /** Whether there are listeners: for the end of a subscription, for the messages of a socket. */
  kIsWatched: Symbol('isWatched'),
  /** The native connection behind a transport, a socket or a TCP socket. */
  kConnection: Symbol('connection'),
  /** The native server behind a transport or the object like `ws`'s server; the message listener of a loop. */
  kListener: Symbol('listener'),
  /** The object like `ws`'s server, once it was used. */
  kWebSocketServer: Symbol('webSocketServer'),
  /** The connection that was lost: its closed socket stays readable. */
  kClosedConnection: Symbol('closedConnection'),
  /** The socket that was assigned to a transport. */
  kSocket: Symbol('socket'),
  /** The user may hold sockets of its subscribers. */
  kHasShown: Symbol('hasShown'),
  /** A publisher's subscribers by their ids, once they were used. */
  kSockets: Symbol('sockets'),
  /** The functions of `handle`, by key. */
  kHandlers: Symbol('handlers'),
  /** Subscriptions that have no publisher yet, by key. */
  kWishes: Symbol('wishes'),
  kEndWaiting: Symbol('endWaiting'),
  kEndWishes: Symbol('endWishes'),
  /** Emits why no publisher was found. */
  kTellFailed: Symbol('tellFailed'),
  /** The `reconnect` option of a subscription. */
  kSaid: Symbol('said'),
  /** Looks a key up with the peer's link. */
  kLookup: Symbol('lookup'),
  /** As `kLookup`, repeatedly until there is a server. */
  kLookupWithin: Symbol('lookupWithin'),
  /** As `kLookup`, from the link's cache. */
  kLookupKept: Symbol('lookupKept'),
  /** The error of a waiting request when no server was found. */
  kAbsent: Symbol('absent'),
  /** A request with rare options, and whether a request may be sent. */
  kRequestOther: Symbol('requestOther'),
  kAdmit: Symbol('admit'),
  /** Resends requests that a server has not begun. */
  kResend: Symbol('resend'),
  /** Resends one of them to one of these destinations. */
  kSendElsewhere: Symbol('sendElsewhere'),
  /** Another transport to the same destination. */
  kOtherTo: Symbol('otherTo'),
  /** Of a request: restrictions of its destination; and how often it was resent. */
  kAim: Symbol('aim'),
  kResent: Symbol('resent'),
  /** The error of a stopped transport. */
  kStopped: Symbol('stopped'),
  /** In the options of a resent request: its first timeout. */
  kFirstTimeout: Symbol('firstTimeout'),
  /** A destination failed. */
  kUnreachable: Symbol('unreachable'),
  /** Reserves a destination, and reports that a destination was reached. */
  kClaim: Symbol('claim'),
  kReachable: Symbol('reachable'),
  /** A transport lost its connection. */
  kLeave: Symbol('leave'),
  /** A transport connects again. */
  kJoin: Symbol('join'),
  /** Fails the callbacks that wait, or emits an error. */
  kFail: Symbol('fail'),
  /** A peer's latest transport. */
  kLatest: Symbol('latest'),
  /** The transports that stop with their peer. */
  kTransports: Symbol('transports'),
  /** Keeps a transport, to stop it with its peer. */
  kKeep: Symbol('keep'),
  /** The latest transport, made if there is none. */
  kServer: Symbol('server'),

  // Links

  /** `forget(dest)`, even if a subclass has another method of that name. */
  kForget: shared('forget'),
  /** `stopAnnouncingPort(port)`, likewise. */
  kStopAnnouncingPort: shared('stopAnnouncingPort'),
  /** Ends all of a link's announces; resolves once the grapes know, or do not reply. */
  kStopAnnouncingAll: shared('stopAnnouncingAll'),
  /** Calls back once the grapes know that a key and port are no longer announced. */
  kWhenTold: shared('whenTold'),
  /** The addresses that a link has announced for other hosts. */
  kOwnAddresses: shared('ownAddresses'),
  /** The ports that a link has announced. */
  kOwnPorts: shared('ownPorts'),
  /** A link's listeners. */
  kEvents: Symbol('events'),
  /** Whether it was started, and not stopped since. */
  kStarted: Symbol('started'),
  /** Pending work between a link's start and stop. */
  kLife: Symbol('life'),
  /** A link's periodic announces. */
  kAnnouncer: Symbol('announcer'),
  /** Reports a link's announces. */
  kNews: Symbol('news'),
  /** Why a key and port are not announced, if they are not. */
  kAnnounceError: Symbol('announceError'),
  /** Whether a callback gets a grape's refusal, and not only errors. */
  kHears: Symbol('hears'),
  /** Whether a link's grapes reply. */
  kGrapeState: Symbol('grapeState'),
  /** The grape of this machine, with `embedded`. */
  kEmbedded: Symbol('embedded'),
  /** The last key that was looked up. */
  kHashed: Symbol('hashed'),
  /** Whether a cache's last result should be refreshed; and marks the refresh as begun. */
  kIsDue: Symbol('isDue'),
  kRefresh: Symbol('refresh'),
  /** Lookup results for the case that no grape replies. */
  kLastKnown: Symbol('lastKnown'),
  /** The text for its request. */
  kHashText: Symbol('hashText'),
  /** The text that identifies a request. */
  kHash: Symbol('hash'),
  /** Lets equal requests share one exchange. */
  kShare: Symbol('share'),
  /** Whether the grapes are told about the end of an announce. */
  kTakesBack: Symbol('takesBack'),
  /** Tells them. */
  kUnannounce: Symbol('unannounce'),
  /** Its exchanges with grapes. */
  kExchanges: Symbol('exchanges'),
  /** The link of these promises. */
  kLink: Symbol('link'),

  // Peers of clients

  /** Names of destinations that are mapped to other addresses. */
  kAliases: Symbol('aliases'),
  /** A transport to the address that a destination is mapped to. */
  kTransportFor: Symbol('transportFor'),
  /** Whether the options of a call are kept for resending it. */
  kRemembers: Symbol('remembers'),
  /** The destinations that refused a request. */
  kTried: Symbol('tried'),
  /** The destinations that failed recently. */
  kBackoff: Symbol('backoff'),
  /** When destinations whose connections failed may be dialled again. */
  kDials: Symbol('dials'),
  /** The silent destinations. */
  kSuspects: Symbol('suspects'),
  /** A destination was silent while requests expired. */
  kSilent: Symbol('silent'),
  /** Delay and time limit of a transport's connection. */
  kDialling: Symbol('dialling'),
  /** The destinations that are not skipped. */
  kUsable: Symbol('usable'),
  /** Finds out whether a destination can be reached. */
  kProbe: Symbol('probe'),
  /** Whether the destination of a request is one of several. */
  kIsOneOfMany: Symbol('isOneOfMany'),
  /** Gives up the connections to a dead destination. */
  kReplaceDead: Symbol('replaceDead'),
  /** A pool's transports to a destination. */
  kTransportsTo: Symbol('transportsTo'),
  /** Chooses a transport to a destination whose connections failed. */
  kChooseProven: Symbol('chooseProven'),
  /** Connects one more transport to it. */
  kConnectAnother: Symbol('connectAnother'),
  /** The balancer of `conf.balance`; null for `random`. */
  kBalancer: Symbol('balancer'),
  /** The requests with retries. */
  kTries: Symbol('tries'),
  /** The number of pending requests, where there is a limit. */
  kUnderWay: Symbol('underWay'),
  /** Sends a request to a destination. */
  kSend: Symbol('send'),
  /** Sends a request with retries, at other destinations while there are any. */
  kRetry: Symbol('retry'),
  /** Rejects a request that reaches no transport. */
  kReject: Symbol('reject'),
  kRejectCall: Symbol('rejectCall'),
  /** The same of a request whose lookup failed. */
  kRejectLookup: Symbol('rejectLookup'),
  /** Counts a request until its callback is called. */
  kCounted: Symbol('counted'),

  // Cached answers

  /** The entries, the least recently used first. */
  kEntries: Symbol('entries'),
  /** The entry that was used last. */
  kNewest: Symbol('newest'),
  /** When each member was last forgotten. */
  kForgotten: Symbol('forgotten'),
  /** The number of forgotten members. */
  kForgets: Symbol('forgets'),
  /** The entry of a key, unless it is too old. */
  kFind: Symbol('find'),
  /** Makes an entry the newest. */
  kPut: Symbol('put'),
  /** Removes an entry and emits `evict`. */
  kEvict: Symbol('evict'),
  /** Removes members that were forgotten since the entry was read. */
  kUpdate: Symbol('update'),

  // Pools of transports

  /** All transports, to all destinations. */
  kAll: Symbol('all'),
  /** Whether a user's override has to be called for each request. */
  kAsks: Symbol('asks'),
  /** Clears a pool's interval. */
  kPoolTimer: Symbol('poolTimer'),
  /** Empties the pool, and returns its transports. */
  kTakeAll: Symbol('takeAll'),
  /** Chooses a transport to a destination, once there are enough. */
  kChoose: Symbol('choose'),
  /** Chooses a connected transport. */
  kChooseOpen: Symbol('chooseOpen'),
  kChooseOther: Symbol('chooseOther'),
  /** A transport lost its connection. */
  kLose: Symbol('lose'),
  /** Transports without a connection, with their destinations. */
  kPoolLost: Symbol('poolLost'),
  /** The chosen transport by destination, and how many more requests it gets. */
  kRuns: Symbol('runs'),
  /** The number of transports; of requests on the socket lane. */
  kSize: Symbol('size'),
  /** The limit of their number. */
  kMost: Symbol('most'),
  /** Empties the pool. */
  kEmpty: Symbol('empty'),
  /** Stops the longest idle transports. */
  kShed: Symbol('shed'),

  // Peers of subscribers

  /** The `for await` loops over its messages. */
  kLoops: Symbol('loops'),
  /** What `sub` began and `unsub` ends, by key. */
  kSubscriptions: Symbol('subscriptions'),
  /** Subscriptions to all publishers, by key. */
  kFollowing: Symbol('following'),
  /** Begins a subscription to all publishers. */
  kFollow: Symbol('follow'),
  /** Ends all of these. */
  kEndFollowing: Symbol('endFollowing'),
  /** Looks up all addresses of a key. */
  kLookupAll: Symbol('lookupAll'),
  /** The address to add to a transport's messages, if any. */
  kSource: Symbol('source'),
  /** Reports that a subscription failed. */
  kFailed: Symbol('failed'),
  /** Subscribes to one destination. */
  kSubscribe: Symbol('subscribe'),
  /** Whether a lost subscription reconnects. */
  kReconnects: Symbol('reconnects'),

  // Transports of clients

  /** When the connection opened. */
  kOpenSince: Symbol('openSince'),
  /** Whether the peer's pool knows that the connection is lost. */
  kIsReportedLost: Symbol('isReportedLost'),
  /** Replaces a connection whose other side is silent. */
  kReplace: Symbol('replace'),
  /** The requests of the socket lane that a stop ends. */
  kEndedByStop: Symbol('endedByStop'),
  /** Whether it accepts no more requests. */
  kDraining: Symbol('draining'),
  /** Whether there were requests since `_req_last_ts`. */
  kMoreRequests: Symbol('moreRequests'),
  /** The number of requests without a reply. */
  kWaiting: Symbol('waiting'),
  /** A request's timeout; the value of a TCP socket's `setTimeout`. */
  kTimeout: Symbol('timeout'),
  /** Sends a request, on either lane; starts a grape. */
  kStart: Symbol('start'),
  /** Sends it and returns a Promise. */
  kRequestPromised: Symbol('requestPromised'),
  /** Sends it until a signal cancels it. */
  kRequestAbortable: Symbol('requestAbortable'),
  /** Sends it, and reports it to diagnostics subscribers. */
  kRequestWatched: Symbol('requestWatched'),
  /** Rejects a request that cannot be sent; rejects a client that has no connection yet. */
  kRefuse: Symbol('refuse'),
  /** `parse` for data that the native side has checked. */
  kParse: Symbol('parse'),
  /** The two ways to send requests. */
  kNativeLane: Symbol('nativeLane'),
  kSocketLane: Symbol('socketLane'),
  /** The connection opened. */
  kOnOpened: Symbol('onOpened'),
  /** The connection closed. */
  kOnClosed: Symbol('onClosed'),
  /** A large message begins to move. */
  kOnLarge: Symbol('onLarge'),
  /** Whether its connection may move something large. */
  kMayMoveLarge: Symbol('mayMoveLarge'),
  /** Checks whether it does. */
  kMovesLarge: Symbol('movesLarge'),
  /** Resends a request from its texts. */
  kRequestAgain: Symbol('requestAgain'),

  // Transports of servers

  /** Makes the object for a listener's new connection. */
  kNewConnection: Symbol('newConnection'),
  /** A connection was accepted. */
  kOnConnection: Symbol('onConnection'),
  /** A port could not be bound after all. */
  kOnListenError: Symbol('onListenError'),
  /** Closes the listener. */
  kUnlisten: Symbol('unlisten'),
  /** Makes the listener. */
  kListen: Symbol('listen'),
  /** Makes a listener without TLS. */
  kPlainListener: Symbol('plainListener'),
  /** Makes a listener with TLS. */
  kSecureListener: Symbol('secureListener'),
  /** Reads the port that the system has chosen. */
  kTakePort: Symbol('takePort'),
  /** The same of a server that a hook made. */
  kTakePortOf: Symbol('takePortOf'),
  /** Replies to a socket's messages, no matter who made it. */
  kServeSocket: Symbol('serveSocket'),
  /** Makes the message listener for that. */
  kServing: Symbol('serving'),
  /** Begins a request, and reports it where something watches. */
  kServe: Symbol('serve'),
  kServeWatched: Symbol('serveWatched'),
  /** Passes a request to its handler, or to the listeners. */
  kAnswer: Symbol('answer'),
  /** The text of a reply. */
  kFormatReply: Symbol('formatReply'),
  /** The caller: the connection, or an object that stands for it. */
  kCaller: Symbol('caller'),
  /** Aborts the signal of a handler's request. */
  kController: Symbol('controller'),
  /** The handler's request got its reply. */
  kEnd: Symbol('end'),
  /** Publishes by the socket objects. */
  kPubBySocket: Symbol('pubBySocket'),
  /** Reports subscribers that are too far behind. */
  kEmitSlow: Symbol('emitSlow'),

  // Transports of subscribers

  /** Whether it keeps the process alive. */
  kHeld: Symbol('held'),
  /** The peer's callback for a lost publisher. */
  kOnLost: Symbol('onLost'),
  /** Closes a connection that is no longer wanted. */
  kCloseUnwanted: Symbol('closeUnwanted'),
  /** The connection was lost. */
  kLost: Symbol('lost'),
  /** Emits that a destination cannot be reached. */
  kEmitUnreachable: Symbol('emitUnreachable'),
  /** The peer's callback when the user connects or ends it by hand. */
  kByHand: Symbol('byHand'),
  /** The next `sub` of a transport is the one of its peer. */
  kIsBegun: Symbol('isBegun'),
  /** The name in lookups for the address that it connects to. */
  kName: Symbol('name'),
  /** Sets that name. */
  kCallIt: Symbol('callIt'),
  /** Ends automatic subscriptions, since the user subscribes by hand. */
  kEndAutomatic: Symbol('endAutomatic'),
  /** The peer reconnects it. */
  kIsAutomatic: Symbol('isAutomatic'),
  /** No message has come since the peer connected it. */
  kIsSilent: Symbol('isSilent'),
  /** Whether the lost socket had a listener for `close`. */
  kIsSocketWatched: Symbol('isSocketWatched'),
  /** Whether a subclass reconnects by itself. */
  kLooksAfter: Symbol('looksAfter'),
  /** Ends it silently: another one takes its place. */
  kEndSilently: Symbol('endSilently'),

  // The messages of a subscriber

  /** The subscriber. */
  kSub: Symbol('sub'),
  /** The limit of unread messages. */
  kLimit: Symbol('limit'),
  /** Called once no more messages are needed. */
  kOnEnd: Symbol('onEnd'),
  /** Unread messages. */
  kKept: Symbol('kept'),
  /** The index of the next message; the address of a grape's node or API. */
  kAt: Symbol('at'),
  /** The bytes of the unread messages. */
  kBytes: Symbol('bytes'),
  /** Pending calls of `next`. */
  kAsked: Symbol('asked'),
  /** Whether it has ended. */
  kOver: Symbol('over'),
  /** The error that ends the loop. */
  kError: Symbol('error'),
  /** Takes a message. */
  kTake: Symbol('take'),
  /** Returns the next message. */
  kShift: Symbol('shift'),
  /** Ends it, after the unread messages. */
  kFinish: Symbol('finish'),

  // Objects like those of `ws`

  /** Callbacks of messages that are not written yet. */
  kSent: Symbol('sent'),
  /** Whether a message was begun, and more of its fragments follow. */
  kIsFragmenting: Symbol('isFragmenting'),
  /** Whether it has emitted the error of a close before it opened. */
  kIsEarlyTold: Symbol('isEarlyTold'),
  /** Whether it is watched for messages that arrive with the handshake. */
  kWatchesOpen: Symbol('watchesOpen'),
  /** The handshake is done. */
  kOpened: Symbol('opened'),
  /** Whether `send` is replaced. */
  kIsPatched: Symbol('isPatched'),
  /** A message arrived. */
  kMessage: Symbol('message'),
  /** This package's own listener on a socket: it replies to requests, or takes replies. */
  kOwn: Symbol('own'),
  /** The connection that a server's own `connection` listener already has from the native side. */
  kAdding: Symbol('adding'),
  /** A listener of the service comes before the package's own, and decides: nothing is served before it is called. */
  kLeaveToService: Symbol('leaveToService'),
  /** Adds a client to a server's `clients`. */
  kTrack: Symbol('track'),
  /** The native side serves an accepted connection. */
  kOnServedNatively: Symbol('onServedNatively'),
  /** The service called the package's own `connection` listener with a socket, which is served now. */
  kOnConnectionEvent: Symbol('onConnectionEvent'),
  /** The transport whose connections a server's own listener serves. */
  kServed: Symbol('served'),
  /** The options of a server's face, some of which are accessors. */
  kFaceOptions: Symbol('faceOptions'),
  /** The value being emitted, if the native side has handled it. */
  kHandled: Symbol('handled'),
  /** Stops the native side's work when the package's own listener is removed. */
  kKeepOwn: Symbol('lookForOwn'),
  /** The write queue is empty. */
  kDrained: Symbol('drained'),
  /** It is closed. */
  kClosed: Symbol('closed'),
  /** Sends a control frame. */
  kControl: Symbol('control'),
  /** Sends a frame. */
  kFrame: Symbol('frame'),
  /** Calls back when a message is written. */
  kAfterWrite: Symbol('afterWrite'),
  /** Throws before there is a connection. */
  kMustBeConnected: Symbol('mustBeConnected'),
  /** Whether a server is open, closing or closed. */
  kState: Symbol('state'),
  /** The owner of a server. */
  kTransport: Symbol('transport'),
  /** Attaches a listener, or a connection. */
  kAttach: Symbol('attach'),
  /** A connection was accepted. */
  kAdd: Symbol('add'),
  /** Emits why there is no port. */
  kRefused: Symbol('refused'),
  /** Assigns a server to a transport. */
  kBelongTo: Symbol('belongTo'),

  // TCP sockets

  /** The client's address, where it is known before the connection. */
  kRemote: Symbol('remote'),
  /** Both addresses. */
  kEnds: Symbol('ends'),
  /** Whether both are known. */
  kIsComplete: Symbol('isComplete'),
  /** Whether it was destroyed. */
  kIsDestroyed: Symbol('isDestroyed'),
  /** The timer for `timeout`. */
  kTimer: Symbol('timer'),
  /** Reads the addresses. */
  kLook: Symbol('look'),
  /** Bytes received and sent. */
  kTraffic: Symbol('traffic'),
  /** Their sum. */
  kMoved: Symbol('moved'),
  /** Whether it has an open connection. */
  kIsLive: Symbol('isLive'),
  /** Checks whether it changes. */
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
  /** Callbacks for the stop of native grapes. */
  kStopping: Symbol('stopping'),
  /** `startNow()`, even if a subclass has another method of that name. */
  kStartNow: Symbol('startNow'),
  /** `request(type, data, cb)`, likewise. */
  kRequest: Symbol('request'),
  /** Tells the native node which frequent events have listeners. */
  kWant: Symbol('want'),
  /** The grape of this API. */
  kGrape: Symbol('grape'),
  /** The node's methods, by name. */
  kCalls: Symbol('calls'),
  /** Handles the native node's events. */
  kTold: Symbol('told')
}
