'use strict'

// docs/API.md has everything that the package has, and nothing else. What the package has is found
// by reflection over its classes, and in the syntax trees of its source.

const assert = require('node:assert')
const EventEmitter = require('events')
const { test } = require('node:test')
const main = require('../..')
const defaults = require('../../lib/options/defaults')
const Emitter = require('../../lib/base/Emitter')
const OwnListener = require('../../lib/socket/OwnListener')
const { TEXT } = require('../../lib/errors/errors')
const { COMMON } = require('../../lib/cli/arguments')
const { EXIT } = require('../../lib/cli/failure')
const { COMMANDS } = require('../../lib/cli')
const { codes, rows, rowsOf } = require('../helpers/docs/api-page')
const { Declared, OF_EMITTERS } = require('../helpers/source/declared')
const { calls, errors, modules, reads, rustTexts, types } = require('../helpers/source/source')

/** What is exported: classes, and functions by themselves. */
const isClass = name => /^[A-Z]/.test(name)
const api = Object.fromEntries(Object.entries(main).filter(([name]) => isClass(name)))
const FUNCTIONS = [...Object.keys(main).filter(name => !isClass(name)), ...Object.keys(require('../../testing'))]

const PAGE = rows()
/** The commands have their own help. */
const MODULES = new Map([...modules('lib', name => !name.startsWith('cli')), ...modules('install', name => name === 'advice.js')])
const TYPES = types()
const DECLARED = new Declared()

const sorted = names => [...new Set(names)].sort()
const ofKinds = (...kinds) => PAGE.filter(({ kind }) => kinds.includes(kind))
const namesOf = rows => sorted(rows.flatMap(({ names }) => names))
const inSection = (rows, name) => rows.filter(({ section }) => section.includes(name))

/** `documented` and `real` are the same. */
function same (documented, real, what) {
  const missing = real.filter(name => !documented.includes(name))
  const invented = documented.filter(name => !real.includes(name))
  assert.deepStrictEqual({ missing, invented }, { missing: [], invented: [] }, `docs/API.md, ${what}`)
}

/** The classes from `Class` up to EventEmitter, or to what stands for it. */
function chainOf (Class) {
  const chain = []
  for (let one = Class; ![EventEmitter, Emitter, OwnListener].includes(one); one = Object.getPrototypeOf(one)) chain.push(one)
  return chain
}

/** The language's symbols as they are written; others are somebody's private matter. */
const SYMBOLS = new Map(Object.getOwnPropertyNames(Symbol).filter(name => typeof Symbol[name] === 'symbol')
  .map(name => [Symbol[name], `[Symbol.${name}]`]))

const isPublic = name => typeof name === 'symbol' ? SYMBOLS.has(name) : !name.startsWith('_') && name !== 'constructor'
const written = name => SYMBOLS.get(name) || name

/** Whether this Node can have a member: older ones lack symbols. */
const isPossible = name => !name.startsWith('[') || [...SYMBOLS.values()].includes(name)

/** Public members of a prototype or an object, itself. */
const ownMembers = object => Reflect.ownKeys(object).filter(isPublic).map(written)

/** An object of each class, after what makes it complete. */
function instances (t) {
  const link = new api.Link({}).start()
  t.after(() => link.stop())
  const found = { Link: link, Grape: new api.Grape({ api_port: 0 }) }
  for (const name of ['PeerRPCClient', 'PeerRPCServer', 'PeerPub', 'PeerSub']) {
    const peer = new api[name](link, {})
    peer.init()
    t.after(() => peer.stop())
    const isServer = typeof peer.listen === 'function'
    const transport = peer.transport(isServer ? 'server' : '127.0.0.1:1')
    if (isServer) transport.listen(0)
    found[name] = peer
    found[name.replace('Peer', 'Transport')] = transport
  }
  return found
}

const Cache = require('../../lib/link/Cache')
const WebSocketLike = require('../../lib/socket/WebSocketLike')
const WebSocketServerLike = require('../../lib/socket/WebSocketServerLike')
const TcpSocket = require('../../lib/socket/TcpSocket')

test('every class and function has its sections', t => {
  same(sorted(PAGE.flatMap(({ section }) => section)).filter(name => name !== 'grenache'),
    sorted([...FUNCTIONS, ...[...Object.values(api), Cache, WebSocketLike, WebSocketServerLike, TcpSocket].flatMap(Class => chainOf(Class).map(({ name }) => name))]), 'sections')
})

test('every public method and property is documented, and no other', t => {
  const members = ofKinds('Method', 'Hook', 'Property')
  for (const [name, object] of Object.entries(instances(t))) {
    assert(Object.keys(api).includes(name))
    const chain = chainOf(api[name])
    const real = [...chain.flatMap(({ prototype }) => ownMembers(prototype)), ...ownMembers(object)]
    const documented = chain.flatMap(({ name }) => namesOf(inSection(members, name)))
    // The types promise some whose names say otherwise.
    const promised = DECLARED.members(name).filter(member => member.startsWith('_') && member in object)
    same(sorted(documented).filter(isPossible), sorted([...real, ...promised]), name)
    typedToo(name, documented)
  }
  // What only the package uses of them is not for others.
  const inside = ['emit', 'on', 'addListener', 'prependListener']
  for (const [Class, object] of [[Cache, new Cache({})], [WebSocketLike, {}], [WebSocketServerLike, new WebSocketServerLike()], [TcpSocket, new TcpSocket({})]]) {
    const real = [...ownMembers(Class.prototype), ...ownMembers(object)].filter(member => !inside.includes(member))
    same(namesOf(inSection(members, Class.name)), sorted(real), Class.name)
  }
})

/** `documented` and the members of a type are the same; `extra` are those that only the type has. */
function typedToo (type, documented, extra = []) {
  const missing = documented.filter(name => !DECLARED.allMembers(type).includes(name))
  const invented = DECLARED.members(type).filter(name => !documented.includes(name) && !extra.includes(name))
  assert.deepStrictEqual({ missing, invented }, { missing: [], invented: [] }, `types/, ${type}: missing there, and in docs/API.md`)
}

test('the types have the members of what has no class of its own, and no others', () => {
  const members = ofKinds('Method', 'Hook', 'Property', 'Member')
  for (const [type, section, ...extra] of [
    ['WebSocketLike', 'WebSocketLike', '_socket'],
    ['WebSocketServerLike', 'WebSocketServerLike'],
    ['PlainTcpSocket', 'TcpSocket'],
    ['LinkCache', 'Cache'],
    ['GracefulShutdown', 'gracefulShutdown', '[Symbol.dispose]']
  ]) typedToo(type, namesOf(inSection(members, section)), extra)
})

test('what an emitter has takes its typed events by every way to listen', () => {
  const overloads = name => DECLARED.checker.getDeclaredTypeOfSymbol(DECLARED.exported('Link')).getProperty(name).declarations
  for (const name of OF_EMITTERS) {
    assert.ok(overloads(name).every(({ parent }) => parent.name.text === 'TypedEmitter'), `types/emitter.d.ts: ${name}`)
  }
})

test('every class that is exported was looked at', t => {
  assert.deepStrictEqual(sorted(Object.keys(instances(t))), sorted(Object.keys(api)))
})

/** Whose options, call options and events each module knows: sections of the page. */
const PEERS = ['Peer', 'PeerServer', 'PeerRPCServer', 'PeerRPCClient', 'Transport']
const OWNERS = {
  AbandonedRequests: ['Peer'],
  AnnounceNews: ['Link'],
  Announcer: ['Link'],
  Listener: ['PeerServer'],
  admission: ['PeerServer'],
  ClientConnection: ['PeerRPCClient'],
  Connection: ['PeerRPCClient', 'PeerRPCServer', 'WebSocketLike'],
  Grape: ['Grape'],
  Link: ['Link'],
  PeerPub: ['PeerPub'],
  PeerRPCClient: ['PeerRPCClient'],
  PeerRPCServer: ['PeerRPCServer'],
  PeerSub: ['PeerSub', 'Peer'],
  SecureListener: ['Peer', 'PeerServer', 'PeerRPCServer'],
  ServerConnection: ['PeerRPCServer', 'TransportRPCServer', 'WebSocketLike'],
  TcpSocket: ['TcpSocket'],
  WebSocketServerLike: ['WebSocketServerLike', 'TransportRPCServer', 'TransportPub'],
  TransportPub: ['PeerPub', 'TransportPub'],
  TransportRPCClient: ['PeerRPCClient', 'TransportRPCClient', 'Transport'],
  TransportRPCServer: ['PeerRPCServer', 'TransportRPCServer'],
  Subscription: ['PeerSub', 'TransportSub', 'Transport'],
  TransportSub: ['PeerSub', 'TransportSub', 'Transport'],
  memoryBudget: ['Peer'],
  AddressNames: ['Transport'],
  Cache: ['Cache'],
  linkCallbacks: ['Link'],
  settings: ['Peer', 'PeerServer', 'PeerPub'],
  connections: ['PeerServer'],
  domEvents: ['WebSocketLike'],
  channels: ['Transport', 'TransportRPCServer'],
  oversized: ['Peer', 'PeerRPCClient'],
  optionTable: ['Peer', 'PeerRPCClient', 'PeerSub', 'Link'],
  LinkState: ['Link'],
  GrapeExchanges: ['Link'],
  callOptions: ['Link'],
  waitForServer: ['PeerRPCClient', 'Link'],
  LinkPromises: ['Link'],
  retry: ['PeerRPCClient', 'Link'],
  tlsConnect: PEERS,
  Following: ['PeerSub'],
  actions: ['actions'],
  mutableValues: ['Link'],
  gracefulShutdown: ['gracefulShutdown'],
  chooseTargets: ['PeerRPCClient', 'PeerSub'],
  WebSocketLike: ['WebSocketLike']
}

function ownersOf (module) {
  assert(OWNERS[module], `say whose options and events lib/${module}.js knows: OWNERS in __test__/docs/api.test.js`)
  return OWNERS[module]
}

/** Each name that a module has is documented in one of its sections; returns names by section. */
function belong (rows, found, what) {
  const bySection = new Map()
  for (const [module, names] of found) {
    const owners = names.length > 0 ? ownersOf(module) : []
    for (const name of names) {
      const places = owners.filter(owner => namesOf(inSection(rows, owner)).includes(name))
      assert(places.length > 0, `docs/API.md, ${what}: ${name} of lib/${module}.js is in none of the tables of ${owners.join(', ')}`)
      for (const place of places) bySection.set(place, [...bySection.get(place) || [], name])
    }
  }
  return bySection
}

/** No row has a name that none of its sections' modules has. */
function nothingElse (rows, bySection, what) {
  for (const { section, names } of rows) {
    const known = section.flatMap(name => bySection.get(name) || [])
    assert.deepStrictEqual(names.filter(name => !known.includes(name)), [], `docs/API.md, ${what} of ${section}: nobody knows these`)
  }
}

test('every option is documented where it is read, and no other', t => {
  const options = ofKinds('Option')
  const found = new Map()
  for (const [module, tree] of MODULES) {
    const { read, dynamic } = reads(tree, ['conf'])
    // The settings of a connection are read by name.
    const numbers = module === 'settings' ? [...calls(tree, 'number').texts] : []
    assert.deepStrictEqual(dynamic, module === 'settings' ? ['conf[name]'] : [], `lib/${module}.js reads options that no test can find`)
    found.set(module, [...read, ...numbers])
  }
  // For code that reads it.
  found.set('Link', [...found.get('Link'), 'monitorTimeout'])
  nothingElse(options, belong(options, found, 'options'), 'options')
})

/** The types of `conf`, with the sections of their options, and what only one of the two has, with the reason. */
const CONFS = [
  // Examples of the original give every peer a timeout, and its types a retry.
  ['ClientConf', ['Peer', 'PeerRPCClient'], ['timeout', 'retry']],
  ['ServerConf', ['Peer', 'PeerServer', 'PeerRPCServer'], ['timeout', 'retry']],
  ['PubConf', ['Peer', 'PeerServer', 'PeerPub'], ['timeout', 'retry']],
  ['SubConf', ['Peer', 'PeerSub'], ['timeout', 'retry']],
  ['LinkConf', ['Link'], []],
  // One is taken and ignored; one is for the embedded grape alone.
  ['GrapeConf', ['Grape'], ['verify'], ['grace']]
]

test('the types have the same options, of each class', () => {
  for (const [type, sections, only, lacks = []] of CONFS) {
    const documented = namesOf(sections.flatMap(section => inSection(ofKinds('Option'), section)))
    same([...documented, ...only].sort(), [...DECLARED.members(type), ...lacks].sort(), type)
  }
  assert.deepStrictEqual(sorted([...TYPES.keys()].filter(name => name.endsWith('Conf'))),
    sorted([...CONFS.map(([type]) => type), 'OwnConf', 'PeerConf']), 'types of conf')
})

test('the defaults are those of lib/options/defaults.js, all of them', t => {
  const {
    BALANCE, CLIENT, CLIENT_TRANSPORT, CONNECTION, GRAPE, GRAPE_PORT, LINK, MAX_BUFFERED, MAX_CONNECTION_REQUESTS, MAX_REQUEST_BYTES, PUBLISHER,
    REQUEST_TIMEOUT
  } = defaults
  const options = ofKinds('Option')
  const isSaid = value => typeof value === 'boolean' || value === BALANCE || (typeof value === 'number' && value > 0)
  const README = rowsOf('README.md').filter(({ headers }) => headers.includes('default'))
  let owner
  for (const row of README) row.owner = owner = row.cells[0] || owner
  let inReadme = 0
  for (const [sections, types, table, inTable] of [
    [['Peer', 'PeerServer'], ['ClientConf', 'ServerConf', 'SubConf', 'PubConf'], CONNECTION, 'every peer'],
    [['PeerRPCClient'], ['ClientConf'], { ...CLIENT, ...CLIENT_TRANSPORT, balance: BALANCE, maxConnectionRequests: MAX_CONNECTION_REQUESTS }],
    [['PeerRPCServer'], ['ServerConf'], { maxConnectionRequests: MAX_CONNECTION_REQUESTS, maxRequestBytes: MAX_REQUEST_BYTES, requestTimeout: REQUEST_TIMEOUT }],
    [['PeerPub'], ['PubConf'], PUBLISHER],
    [['PeerSub'], ['SubConf'], { maxBuffered: MAX_BUFFERED }],
    [['Link'], ['LinkConf'], { ...LINK, grapePort: GRAPE_PORT }],
    [['Grape'], ['GrapeConf'], GRAPE]
  ]) {
    const rows = sections.flatMap(section => inSection(options, section))
    for (const [name, value] of Object.entries(table)) {
      const row = rows.find(({ names }) => names.includes(name))
      assert(row, `docs/API.md: the option ${name} of ${sections}`)
      const [said] = codes(row.cells[row.headers.indexOf('Default')])
      if (!isSaid(value)) continue
      assert.strictEqual(said, String(value), `docs/API.md: the default of ${name}`)
      for (const type of types.filter(type => DECLARED.members(type).includes(name))) {
        const comment = DECLARED.comments(type).get(name)
        if (type === 'PubConf' && table !== PUBLISHER && name in PUBLISHER) continue
        assert.strictEqual(defaultIn(/Default: ([^\n]*)/.exec(comment)?.[1]), value, `types/, ${type}: the default of ${name}`)
      }
      for (const { cells, owner } of README) {
        const at = codes(cells[1]).indexOf(name)
        if (at < 0 || owner !== (inTable || `\`new ${sections[0]}(${sections[0].startsWith('Peer') ? 'link, ' : ''}conf)\``)) continue
        const parts = cells[2].split(', ')
        assert.strictEqual(defaultIn(parts[at] || parts[0]), value, `README.md: the default of ${name}`)
        inReadme++
      }
    }
  }
  assert.ok(inReadme > 25, `only ${inReadme} defaults of the README were compared`)
})

/** The value of a default as it is written for people: `16 MiB`, `` `random` ``, 2500 ms. */
function defaultIn (text = '') {
  const [, amount, isMiB] = /^`?(\d+)( MiB)?/.exec(text) || []
  if (amount !== undefined) return isMiB ? amount * 1024 * 1024 : +amount
  const [, word] = /^`?([\w-]+)/.exec(text) || []
  return { true: true, false: false }[word] ?? word
}

test('every option of a call, and of conf.secure, is documented, and no other', t => {
  const read = names => sorted([...MODULES]
    .flatMap(([, tree]) => [...reads(tree, names).read]))
  const typed = pattern => sorted([...TYPES].filter(([name]) => pattern.test(name)).flatMap(([, members]) => [...members]))

  // The hook `getSocket` has it of its transport, and `_post` of a subclass.
  const isCallers = name => !['port', 'headers'].includes(name)
  const found = [...MODULES].map(([module, tree]) => [module, [...reads(tree, ['opts', 'options']).read].filter(isCallers)])
  belong(ofKinds('Call option'), found, 'call options')
  const ofCalls = [...read(['opts', 'options']), ...typed(/Options$/)].filter(name => isCallers(name) && !typed(/SecureOptions$/).includes(name))
  same(namesOf(ofKinds('Call option')), sorted([...ofCalls, 'hash']), 'call options')

  const functions = ['assertSecure', 'confOf', 'connect']
  const ofSecure = [...read(['secure']), ...typed(/Secure(Options|Buffers)$/)].filter(name => !functions.includes(name))
  same(namesOf(ofKinds('TLS option')), sorted(ofSecure), 'TLS options')
})

/** The types of options of calls: whose they are, of which section and of which method. */
const CALL_OPTIONS = [
  ['RequestOptions', 'PeerRPCClient', 'request'],
  ['MapOptions', 'PeerRPCClient', 'map'],
  // An example of the original has a timeout.
  ['SubOptions', 'PeerSub', 'sub', 'timeout'],
  ['DrainOptions', 'Peer', 'stop'],
  ['SendOptions', 'WebSocketLike', 'send'],
  // `startAnnouncing` may share its options with `announce`.
  ['AnnounceOptions', 'Link', 'announce', 'interval'],
  ['StartAnnouncingOptions', 'Link', 'startAnnouncing'],
  ['LookupOptions', 'Link', 'lookup'],
  // Its value is one argument, and its options are another.
  ['PutMutableOptions', 'Link', 'putMutable'],
  ['ActionsOptions', 'actions', 'actions'],
  ['ShutdownOptions', 'gracefulShutdown', 'gracefulShutdown'],
  ['GrapePutOptions', 'Grape', 'put']
]

test('the types have the options of each call, and no others', () => {
  for (const [type, section, method, ...only] of CALL_OPTIONS) {
    let of
    const documented = inSection(ofKinds('Call option'), section).flatMap(({ names, cells, headers }) => {
      const cell = cells[headers.indexOf('Of')]
      if (!cell.startsWith('the same')) of = codes(cell)
      const isLeftOut = cell.includes(`but \`${method}\``)
      return of.includes(method) && !isLeftOut ? names : []
    })
    same([...documented, ...only].sort(), DECLARED.members(type).sort(), `${type} of ${section}`)
  }
})

/** Events whose names only a run can tell: by module, the calls and the names. */
const DYNAMIC_EVENTS = {
  Grape: { calls: ['this.emit(name)', 'this.emit(name, text)'], names: rustTexts('node/grape.rs', 'let (name, text) = match notice', '};') },
  WebSocketServerLike: { calls: ['super.emit(event, ...args)'], names: [] },
  Emitter: { calls: ['super.emit(event, ...args)'], names: [] },
  TransportSub: { calls: ['this.client.emit(event, this[kSource] ?? data)'], names: ['connected', 'disconnected'] }
}

const TYPED_EVENTS = {
  PeerSubEvents: ['PeerSub'],
  TransportSubEvents: ['TransportSub'],
  TransportRPCServerEvents: ['TransportRPCServer'],
  TransportPubEvents: ['TransportPub'],
  LinkCacheEvents: ['Cache'],
  LinkEvents: ['Link'],
  GrapeEvents: ['Grape'],
  WebSocketEvents: ['WebSocketLike'],
  WebSocketServerEvents: ['WebSocketServerLike']
}

test('every event is documented where it is emitted, and no other', t => {
  const events = PAGE.filter(({ kind }) => kind === 'Event')
    .map(row => ({ ...row, names: row.codes }))
  const found = new Map()
  for (const [module, tree] of MODULES) {
    if (module === 'SecureListener') continue // It passes on those of Node's servers.
    const { texts, dynamic } = calls(tree, 'emit')
    const known = DYNAMIC_EVENTS[module] || { calls: [], names: [] }
    assert.deepStrictEqual(dynamic, known.calls, `lib/${module}.js emits events that no test can find`)
    found.set(module, [...texts, ...known.names])
  }
  nothingElse(events, belong(events, found, 'events'), 'events')
  assert.deepStrictEqual(sorted([...TYPES.keys()].filter(name => name.endsWith('Events'))), sorted(Object.keys(TYPED_EVENTS)))
  for (const [type, sections] of Object.entries(TYPED_EVENTS)) {
    for (const section of sections) same(namesOf(inSection(events, section)), sorted(TYPES.get(type)), `events of ${section}`)
  }
})

/** What a connection that breaks the protocol ends with; the rest are a library's words. */
const BROKEN = 'Invalid WebSocket frame: '

test('every channel of diagnostics_channel is documented, and no other', t => {
  const channels = [...MODULES.values()].flatMap(tree => [...calls(tree, 'channel').texts])
  same(sorted(ofKinds('Channel').flatMap(({ codes }) => codes)), sorted(channels), 'channels')
})

/** A text with `<>` where it differs. */
const plain = text => text.replace(/<[^<>]*>/g, '<>')

test('every error is documented, and no other', t => {
  const documented = sorted(ofKinds('Error', 'Code').flatMap(({ codes }) => codes.map(plain)))
  const real = sorted([
    ...Object.values(TEXT),
    ...[...MODULES].flatMap(([, tree]) => [...errors(tree)]),
    // What the system says is no text of ours.
    ...rustTexts('error.rs', 'impl fmt::Display', 'impl std::error::Error').filter(text => text !== '<> <>'),
    ...rustTexts('error.rs', 'pub fn code', 'pub fn errno'),
    ...rustTexts('grape/failure.rs', 'impl fmt::Display', '#[cfg(test)]'),
    ...rustTexts('grape/api.rs', 'const NULL_BODY', '\n\n'),
    ...rustTexts('grape/api.rs', 'fn put', 'fn get').filter(text => text.includes(' ')),
    ...rustTexts('grape/values.rs', 'impl Item', '#[cfg(test)]').filter(text => text.includes(' ')).map(numbered),
    ...rustTexts('error/websocket.rs', 'fmt::Display for BadHandshake', 'impl error::Error'),
    ...rustTexts('error/websocket.rs', 'fmt::Display for Violation', 'impl error::Error')
      .filter(text => text.startsWith(BROKEN)).map(() => `${BROKEN}<>`)
  ])
  same(documented, real, 'errors')
})

/** A refusal travels with its number. */
function numbered (text) {
  if (/^CAS/.test(text)) return `301 ${text}`
  return /^sequence/.test(text) ? `302 ${text}` : text
}

test('every environment variable is documented, and no other', t => {
  const trees = [...MODULES.values(), ...modules('lib/cli').values()]
  same(namesOf(ofKinds('Variable')), sorted(trees.flatMap(tree => [...reads(tree, ['env']).read])), 'environment')
})

test('the command is documented: subcommands, options, exit codes', t => {
  const texts = kind => ofKinds(kind).flatMap(({ codes }) => codes)
  same(texts('Command'), COMMANDS.map(({ name, args }) => `${name} ${args}`), 'commands')
  same(texts('Flag'), Object.entries(COMMON).map(([name, { value }]) => `--${name}${value ? ` <${value}>` : ''}`), 'flags')
  for (const { names: [name], cells, codes: flags, headers } of ofKinds('Flag').filter(({ codes }) => codes.length === 1)) {
    const option = COMMON[flags[0].slice(2).split(' ')[0]]
    const [said] = codes(cells[headers.indexOf('Default')])
    assert.strictEqual(said, option.default === undefined ? undefined : String(option.default), name)
  }
  for (const { name, options = {} } of COMMANDS) {
    const row = ofKinds('Command').find(({ names }) => names.includes(name))
    for (const option of Object.keys(options)) assert.match(row.cells[1], new RegExp(`--${option}\\b`))
  }
  same(texts('Exit code'), Object.values(EXIT).map(String), 'exit codes')
})
