'use strict'

// The cases: determined by seed, role and number alone, and pure data, so that they can be
// repeated.
//
// A case has `actors`: connections that we open to a target, or that it opens to us. Each runs its
// `steps` one after the other:
//
//   { send: bytes, times, cut, gap }  in writes of `cut` bytes, `gap` ms apart
//   { hear: ms }                      until data arrives, for this long at most
//   { wait: ms }
//   { stall: true }                   stops reading; false: reads again
//   { end: 'fin' | 'reset' }

const { Random } = require('./random')
const { cuts, mutate, perhaps } = require('./bytes')
const datagrams = require('./datagrams')
const frames = require('./frames')
const http = require('./http')
const json = require('./json')
const rpc = require('./rpc')

const { TEXT, BINARY } = frames.OPCODES

/** Concurrent connections of one actor. */
const WIDTH = 200
/** More connections than any limit on those without a handshake. */
const CROWD = 4200
/** Bytes of pipelined requests. */
const PIPELINE_BYTES = 4 << 20
/** One in this many connections uses TLS, which costs much more. */
const SECURE_SHARE = 20

/** Source addresses of strangers: limits per address do not affect well-behaved peers. */
const from = random => `127.0.0.${random.between(2, 9)}`

const sends = (random, bytes) => ({ send: bytes, ...cuts(random, bytes.length) })
const ending = random => ({ end: random.pick(['fin', 'reset', 'reset']) })
const textOf = (random, text) => json.bytes(random, text)

/** A client's frame with a text or, as servers accept, the same bytes as binary. */
function masked (random, text) {
  return frames.message(random, textOf(random, text), true, random.once(8) ? BINARY : TEXT)
}

/** Frames of a client after its handshake, one of which may be invalid. */
function clientFrames (random, make) {
  const all = Array.from({ length: 1 + random.size(12) }, () => masked(random, make()))
  if (random.once(4)) all.splice(random.below(all.length), 0, frames.control(random, true))
  if (random.once(4)) all.splice(random.below(all.length), 0, frames.broken(random, textOf(random, make()), true))
  if (random.once(10)) all.push(frames.closing(random, true))
  // Repeated, or in another order.
  if (random.once(12)) all.push(random.pick(all))
  if (random.once(12)) all.unshift(all.pop())
  return perhaps(random, Buffer.concat(all), 12)
}

const connect = (random, ...steps) => ({
  from: from(random),
  steps: [{ send: Buffer.from(http.upgrade(random)) }, ...(random.once(6) ? [] : [{ hear: 300 }]), ...steps]
})

/** Attacks on WebSocket servers; `make` returns the texts of messages. */
const WEBSOCKET = [
  [30, 'messages', (random, make) => Array.from({ length: 1 + random.size(3) }, () =>
    connect(random, sends(random, clientFrames(random, make)), { hear: 100 }, ending(random)))],
  [8, 'broken frames', (random, make) => Array.from({ length: 4 }, () =>
    connect(random, sends(random, masked(random, make())), { send: frames.broken(random, textOf(random, make()), true) }, { hear: 100 }, ending(random)))],
  [8, 'handshakes', random => Array.from({ length: 6 }, () => ({
    from: from(random), steps: [sends(random, Buffer.from(http.oddUpgrade(random), 'latin1')), { hear: 50 }, ending(random)]
  }))],
  [3, 'cut handshakes', random => Array.from({ length: 8 }, () => ({
    from: from(random), steps: [{ send: mutate(random, Buffer.from(http.upgrade(random))), cut: 1 + random.size(200), gap: 1 }, ending(random)]
  }))],
  // Everything in one write.
  [3, 'hasty', (random, make) => [{
    from: from(random), steps: [sends(random, Buffer.concat([Buffer.from(http.upgrade(random)), clientFrames(random, make)])), { hear: 100 }, ending(random)]
  }]],
  [2, 'many frames', random => [connect(random, { send: frames.flood(random, true), times: random.pick([1000, 10000]) }, { hear: 100 }, ending(random))]],
  [1, 'many unread frames', random => [connect(random, { stall: true }, { send: frames.flood(random, true), times: 10000 }, { wait: 200 }, ending(random))]],
  [2, 'single bytes', (random, make) => [connect(random, { send: masked(random, make()).subarray(0, 3000), cut: 1 }, { hear: 100 }, ending(random))]],
  [2, 'endless message', random => {
    const { begin, more } = frames.endless(random, true)
    return [connect(random, { send: begin }, { send: more, times: random.pick([1000, 20000, 140000]) }, { wait: 100 }, ending(random))]
  }],
  [1, 'many connections', (random, make) => [{
    from: from(random),
    times: random.pick([100, 1000]),
    width: WIDTH,
    steps: random.pick([
      [{ end: 'reset' }],
      [{ send: Buffer.from('GET /ws HTTP/1.1\r\n') }, { end: 'reset' }],
      [{ send: Buffer.from(http.upgrade(random)) }, { end: 'reset' }],
      [{ send: Buffer.from(http.upgrade(random)) }, { hear: 300 }, { send: masked(random, make()) }, { end: 'reset' }]
    ])
  }]],
  [2, 'idle', (random, make) => Array.from({ length: 30 }, () => ({
    from: from(random),
    steps: [{ send: mutate(random, Buffer.concat([Buffer.from(http.upgrade(random)), masked(random, json.plain(random))])) }, { wait: random.pick([100, 1000]) }, ending(random)]
  }))]
]

/** Rare cases, since they take long. */
const WEBSOCKET_CROWD = ['crowd', random => [{ from: from(random), times: CROWD, width: CROWD, steps: [{ wait: 2000 }, { end: 'reset' }] }]]

/** Sends many requests, and does not read the replies. */
function unread (random, isSecure) {
  const [key, count] = random.pick([['huge', 4096], ['huge', 300], ['big', 4096]])
  const text = Buffer.from(`["${rpc.uuid(random)}","${key}",0]`)
  const frame = frames.frame(TEXT, text, { mask: Buffer.alloc(4) })
  const echo = frames.frame(TEXT, Buffer.from(`["${rpc.uuid(random)}","echo","${'x'.repeat(1 << 20)}"]`), { mask: Buffer.alloc(4) })
  const flood = random.once(3) ? { send: echo, times: isSecure ? 16 : 64 } : { send: frame, times: count }
  return [connect(random, { hear: 300 }, { stall: true }, flood, { wait: random.pick([300, 3000]) }, random.once(2) ? { stall: false } : {}, { wait: 100 }, ending(random))]
}

function ofServer (random, number) {
  const make = () => random.once(3) ? rpc.request(random) : rpc.oddRequest(random)
  const door = random.weighted([[6, 'echo'], [4, 'handlers'], [3, 'replaced'], [3, 'small'], [3, 'tls']])
  const [name, actors] = attack(random, number, [...WEBSOCKET, [2, 'unread answers', () => unread(random, door === 'tls')]], make, WEBSOCKET_CROWD)
  return { target: random.once(3) ? 'watched' : 'server', door, name, actors: door === 'tls' ? actors.map(secured(random)) : actors }
}

/** TLS costs more; and the client may not speak TLS at all. */
const secured = random => {
  const isSecure = random.below(5) > 0
  return actor => ({ ...actor, secure: isSecure, ...(actor.times && { times: Math.ceil(actor.times / SECURE_SHARE) }) })
}

function ofPub (random, number) {
  const [name, actors] = attack(random, number, [
    ...WEBSOCKET,
    [6, 'does not read', () => Array.from({ length: random.pick([1, 20]) }, () =>
      connect(random, { hear: 300 }, { stall: true }, { wait: random.pick([200, 1500]) }, random.once(2) ? { stall: false } : {}, { wait: 50 }, ending(random)))]
  ], () => json.text(random), WEBSOCKET_CROWD)
  return { target: 'pub', door: random.pick(['disconnect', 'drop']), name, actors }
}

/** How often cases that take long occur. */
const SELDOM = 200

function attack (random, number, attacks, make, seldom) {
  if (number % SELDOM === SELDOM - 1) return [seldom[0], seldom[1](random)]
  const [name, act] = random.weighted(attacks.map(([weight, name, act]) => [weight, [name, act]]))
  return [name, act(random, make)]
}

/** A server's response to the opening handshake, mostly valid. */
function accepts (random) {
  if (random.once(8)) return sends(random, Buffer.from(http.oddAccept(random), 'latin1'))
  return { send: Buffer.from(http.accept()) }
}

/** A server's frame, which has no mask. */
function unmasked (random, text) {
  return frames.message(random, textOf(random, text), false, random.once(8) ? BINARY : TEXT)
}

/** Frames of a server: messages of `make(at)`, with anything between them. */
function serverFrames (random, count, make) {
  const all = Array.from({ length: count }, (_, at) => unmasked(random, make(at)))
  if (random.once(4)) all.splice(random.below(all.length), 0, frames.control(random, false))
  if (random.once(5)) all.splice(random.below(all.length), 0, frames.broken(random, textOf(random, make(0)), false))
  if (random.once(10)) all.push(frames.closing(random, false))
  // Repeated, or in another order.
  if (random.once(6)) all.push(random.pick(all))
  if (random.once(6)) all.unshift(all.pop())
  if (random.once(30)) all.push(...Array.from({ length: 1000 }, () => all[0]).filter(frame => frame.length < 2000))
  return perhaps(random, Buffer.concat(all), 12)
}

/** Other behaviour of a server: floods, half messages, silence. */
function serverSteps (random, count, make) {
  return random.weighted([
    [16, () => [{ hear: 400 }, sends(random, serverFrames(random, count, make)), { hear: 50 }]],
    [2, () => [{ hear: 400 }, { send: frames.flood(random, false), times: random.pick([1000, 10000]) }, { wait: 50 }]],
    [1, () => {
      const { begin, more } = frames.endless(random, false)
      return [{ hear: 400 }, { send: begin }, { send: more, times: random.pick([1000, 140000]) }, { wait: 50 }]
    }],
    [1, () => [{ stall: true }, { wait: 500 }]],
    [1, () => [{ hear: 400 }, { send: serverFrames(random, count, make).subarray(0, 3000), cut: 1 }, { hear: 50 }]],
    [1, () => []]
  ])()
}

function ofClient (random) {
  const asks = Array.from({ length: 1 + random.size(12) }, () => ({
    via: random.pick(['request', 'request', 'map', 'promise', 'transport']),
    key: random.pick(rpc.KEYS),
    payload: random.once(3) ? json.tree(random) : json.plain(random),
    timeout: random.pick([100, 300, 500])
  }))
  const make = at => random.once(4) ? rpc.reply(random, at) : rpc.oddReply(random, at)
  const actors = Array.from({ length: 3 }, () => ({
    steps: [{ hear: 400 }, accepts(random), ...serverSteps(random, asks.length, make), ending(random)]
  }))
  return { target: 'client', door: random.once(5) ? 'tls' : 'plain', name: 'replies', actors, asks }
}

function ofSub (random) {
  const actors = Array.from({ length: 3 }, () => ({
    steps: [{ hear: 400 }, accepts(random), ...serverSteps(random, 1 + random.size(30), () => json.text(random)).filter(({ hear }) => !hear), ending(random)]
  }))
  return { target: 'sub', door: 'plain', name: 'messages', actors, asks: [{ for: random.pick([50, 300]) }] }
}

/** Placeholder for the port of a listening server: `65432` is as long as most. */
const PORT = '65432'

const DESTINATIONS = [
  `127.0.0.1:${PORT}`, '127.0.0.1:1', '127.0.0.1:0', '127.0.0.1:65536', '127.0.0.1:-1', '127.0.0.1', ':80', '127.0.0.1:80:80', '127.0.0.1:8e1', ' 127.0.0.1:1',
  '127.0.0.1:1\\r\\nX: y', '127.0.0.1:1/x', 'x@127.0.0.1:1', '[::1]:1', '::1:1', '[::1', '256.0.0.1:1', '0:1', '0x7f.1:1', '127.0.0.1:\\u0661', '\\u0000:1', '', '__proto__'
]

/** Possible results of a lookup. */
function destinations (random) {
  const one = () => random.once(12) ? json.value(random) : `"${random.pick(DESTINATIONS)}"`
  return random.weighted([
    [6, () => `[${random.list(20, one).join(',')}]`],
    [2, () => `["127.0.0.1:${PORT}"]`],
    [1, () => `[${`"${random.pick(DESTINATIONS)}",`.repeat(random.size(30000))}"127.0.0.1:1"]`],
    [1, () => `{"0":"127.0.0.1:${PORT}","length":1}`],
    [4, () => json.text(random)],
    [1, () => '"ERR_GRAPE_SERVICE_PORT"']
  ])()
}

function ofLink (random) {
  const asks = Array.from({ length: 1 + random.size(6) }, () => ({
    via: random.pick(['lookup', 'lookup', 'announce', 'put', 'get', 'request', 'promise']),
    key: random.once(4) ? `"${random.pick(json.NAMES)}"` : `"key-${random.next()}"`,
    timeout: random.pick([200, 400])
  }))
  const actors = Array.from({ length: 3 }, () => ({
    steps: [
      ...Array.from({ length: 1 + random.size(4) }, () => {
        const body = textOf(random, destinations(random))
        return [{ hear: 400 }, sends(random, perhaps(random, http.answer(random, body), 8))]
      }).flat(),
      ...(random.once(8) ? [{ stall: true }, { wait: 300 }] : []),
      ...(random.once(20) ? [{ send: Buffer.from('0'.repeat(1 << 16)), times: 64 }] : []),
      ending(random)
    ]
  }))
  return { target: 'link', door: 'plain', name: 'answers', actors, asks }
}

/** The `data` of a request to a grape. */
function apiData (random) {
  const key = () => random.weighted([[2, () => json.value(random)], [4, () => `"key-${random.below(8)}"`], [2, () => `"key-${random.next()}"`]])()
  const bytes = () => random.pick([`"${'ab'.repeat(random.pick([0, 19, 20, 21, 32, 64, 5000]))}"`, '"xyz"', '[1,2,3]', '{"type":"Buffer","data":[1,300,-1,"a",null]}', json.scalar(random)])
  return random.weighted([
    [3, () => key()],
    [3, () => `[${key()},${random.pick(['80', '0', '-1', '65536', '1e3', '"80"', '1.5', json.scalar(random)])}]`],
    [2, () => `{"key":${key()},"order":${random.pick(['"fresh"', '1', json.scalar(random)])}}`],
    [3, () => `{"v":${random.once(2) ? bytes() : json.value(random)},"k":${bytes()},"sig":${bytes()},"seq":${random.pick(['1', '-1', '1e99', '"1"', json.scalar(random)])},"salt":${bytes()},"cas":${json.scalar(random)}}`],
    [2, () => `{"hash":${bytes()},"salt":${bytes()}}`],
    [2, () => json.text(random)]
  ])()
}

function apiBody (random) {
  const data = apiData(random)
  return textOf(random, random.weighted([
    [10, () => `{"rid":"${rpc.uuid(random)}","data":${data}}`],
    [1, () => `{"data":1,"data":${data}}`],
    [1, () => data],
    [1, () => json.text(random)]
  ])())
}

const lookup = key => Buffer.from(`POST /lookup HTTP/1.1\r\nHost: a\r\nContent-Length: ${key.length + 9}\r\n\r\n{"data":${key}}`)

const GRAPE = [
  [8, 'requests', random => Array.from({ length: 1 + random.size(3) }, () => ({
    from: from(random),
    steps: [...Array.from({ length: 1 + random.size(6) }, () => [sends(random, perhaps(random, http.apiRequest(random, apiBody(random)), 8)), { hear: 50 }]).flat(), ending(random)]
  }))],
  [2, 'pipelined requests', random => {
    const send = http.apiRequest(random, apiBody(random))
    const times = Math.min(random.pick([10, 100, 1000]), Math.ceil(PIPELINE_BYTES / send.length))
    return [{ from: from(random), steps: [{ send, times }, { stall: random.once(2) }, { wait: 100 }, ending(random)] }]
  }],
  [1, 'many connections', random => [{
    from: from(random), times: 1000, width: WIDTH, steps: [sends(random, random.once(2) ? http.apiRequest(random, apiBody(random)) : Buffer.alloc(0)), { end: 'reset' }]
  }]],
  [20, 'datagrams', random => Array.from({ length: random.between(1, 4) }, () => nodeOf(random, 1 + random.size(20)))],
  [3, 'many datagrams', random => [nodeOf(random, random.pick([200, 2000]))]],
  [1, 'many names', random => {
    const names = nodeOf(random, 0)
    const rest = random.pick(['', 'x', '<', '"', '\0', '\xff', '\u2028', '{{']).repeat(random.pick([1, 100, 2000]))
    const announce = () => datagrams.bencode(datagrams.announce(random, `${random.next()}${rest}`))
    names.steps.push(...Array.from({ length: 500 }, () => ({ send: announce() })))
    const pages = Array.from({ length: 6 }, () => ({
      from: from(random),
      steps: [{ wait: 500 }, { send: Buffer.from(`GET ${random.pick(['/', '/status', '/metrics'])} HTTP/1.1\r\nHost: a\r\n\r\n`), times: random.pick([1, 30]) }, { stall: random.once(2) }, { wait: 500 }, ending(random)]
    }))
    return [names, ...pages]
  }],
  // Looked-up names, so that strangers are queried, whose replies are kept.
  [2, 'many lookups', random => [
    nodeOf(random, 4), nodeOf(random, 4),
    {
      from: from(random),
      steps: [...Array.from({ length: 40 }, () => ({ send: lookup(`"key-${random.next()}${'x'.repeat(random.pick([0, 4000]))}"`) })), { wait: 1500 }, ending(random)]
    }
  ]],
  // The same ids from several addresses.
  [3, 'moving ids', random => {
    const queries = Array.from({ length: 20 }, () => datagrams.bencode(datagrams.query(random)))
    const answers = Array.from({ length: 12 }, () => datagrams.answering(random))
    return Array.from({ length: 6 }, (_, at) => ({
      udp: true, from: `127.0.0.${2 + at}`, answers, steps: queries.flatMap(send => [{ send }, { wait: 2 }])
    }))
  }]
]

const GRAPE_CROWD = ['crowd', random => [{
  from: from(random), times: CROWD, width: CROWD, steps: [{ send: Buffer.from(random.pick(['', 'GET /watch HTTP/1.1\r\nHost: a\r\n\r\n', 'POST /lookup HTTP/1.1\r\n'])) }, { wait: 2000 }, { end: 'reset' }]
}]]

/** A node that sends queries, and replies to queries, once it has a token. */
function nodeOf (random, count) {
  return {
    udp: true,
    from: from(random),
    answers: Array.from({ length: 1 + random.size(8) }, () => datagrams.answering(random)),
    steps: [
      { send: datagrams.bencode(datagrams.query(random, 'get_peers')) },
      { hear: 100 },
      ...Array.from({ length: count }, () => ({ send: datagrams.asking(random) })),
      { wait: random.pick([10, 100, 1000]) }
    ]
  }
}

function ofGrape (random, number) {
  const [name, actors] = attack(random, number, GRAPE, null, GRAPE_CROWD)
  return { target: 'grape', door: 'api', name, actors }
}

const ROLES = { server: ofServer, client: ofClient, pub: ofPub, sub: ofSub, grape: ofGrape, link: ofLink }

/** The case with this number for a role. */
function caseOf (seed, role, number) {
  return { id: `${role}:${number}`, role, ...ROLES[role](new Random(seed, role, number), number) }
}

module.exports = { PORT, ROLES: Object.keys(ROLES), caseOf }
