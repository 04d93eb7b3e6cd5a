'use strict'

// A subclass may use any name that the original's class does not: what ours has beyond it is out of
// the way, or is used by services alone. The names are found by reflection.

const { test } = require('node:test')
const assert = require('node:assert')
const { spawn } = require('child_process')
const EventEmitter = require('events')
const path = require('path')
const { classesOf } = require('../helpers/peers/classes')
const { Stage } = require('../helpers/conformance')
const { useEverything } = require('../helpers/peers/everything')
const { standIn, startLink } = require('../helpers/grapes/stand-in')

const CHILD = path.join(__dirname, '..', 'helpers', 'processes', 'subclassed-process.js')

const LIB = path.join(__dirname, '..', '..', 'lib')

/** A run takes a second; one that is never answered takes this. */
const LIMIT = 30000

/** Whose names they are: see the process. */
const KINDS = {
  field: 'C304: a subclass may assign fields that the original lacks',
  defined: 'C304: a subclass may have such fields in its body',
  early: 'C304: a subclass may assign such fields before init',
  method: 'C305: a subclass may have such methods',
  getter: 'C306: a subclass may have such getters',
  proxied: 'a Proxy of an object does what the object does',
  created: 'so does what Object.create makes of it',
  kept: 'C304 C307: anything may be kept on an object under such names'
}

/** Names that subclasses are likely to have, and that were ours once. */
const LIKELY = [
  '_add', '_again', '_announcer', '_answer', '_ask', '_attach', '_backoff', '_balancer', '_cancel', '_closed', '_connection',
  '_control', '_counted', '_deadlines', '_drain', '_drained', '_draining', '_embedded', '_exchange', '_face', '_fail',
  '_failed', '_frame', '_grapes', '_handlers', '_hash', '_hashed', '_hearSocket', '_held', '_isAway', '_isNative', '_iterators',
  '_join', '_keep', '_key', '_keyText', '_lastRequest', '_later', '_latest', '_leave', '_life', '_listen', '_listener',
  '_lookup', '_loops', '_lost', '_message', '_meter', '_moreRequests', '_native', '_onClosed', '_onLost', '_onOpened',
  '_openConnections', '_openSince', '_opened', '_parse', '_pending', '_plainListener', '_reachable', '_reconnects',
  '_refuse', '_reject', '_requestNative', '_requestPromised', '_requestWatched', '_requests', '_retire', '_retired', '_retry',
  '_secureListener', '_send', '_sent', '_serveSocket', '_server', '_setKey', '_share', '_socket', '_start', '_started',
  '_state', '_stopping', '_subscribe', '_sweep', '_sweepAt', '_sweeper', '_takePort', '_tell', '_tellSlow', '_timeout',
  '_timers', '_told', '_transport', '_transports', '_tries', '_underWay', '_unreachable', '_waiting', '_want',
  'newConnection', 'onConnection', 'onListenError'
]

const NODES = Object.getOwnPropertyNames(EventEmitter.prototype)

/** The names of an object's own and of its classes', up to what Node has. */
function namesOf (object) {
  const names = new Set()
  for (let one = object; one !== null && one !== EventEmitter.prototype && one !== Object.prototype; one = Object.getPrototypeOf(one)) {
    for (const name of Object.getOwnPropertyNames(one)) names.add(name)
  }
  return names
}

/** All names that objects of each class have at any time, and whether they are emitters: by class. */
async function reflect (which) {
  const found = new Map()
  await useEverything(classesOf(which), (name, object) => {
    if (!found.has(name)) found.set(name, new Set())
    const names = found.get(name)
    for (const one of namesOf(object)) names.add(one)
    if (object instanceof EventEmitter) for (const one of NODES) names.add(one)
  }, which === 'native')
  return found
}

let reflected

/** What the original has, by class, and what ours has. */
function both () {
  if (reflected === undefined) reflected = Promise.all(['original', 'native'].map(reflect))
  return reflected
}

/** What ours has and the original lacks, by class: `[[name, [member, ...]], ...]`. */
async function beyond () {
  const [theirs, ours] = await both()
  return [...ours].map(([name, names]) => [name, [...names].filter(member => !theirs.get(name).has(member)).sort()])
}

/** Resolves with what went wrong in a process whose classes have these names; '' for nothing. */
async function subclassed (which, kind, names) {
  const child = spawn(process.execPath, [CHILD, JSON.stringify({ which, kind, names })], { stdio: ['ignore', 'inherit', 'pipe'] })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', text => { stderr += text })
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT)
  const [code] = await EventEmitter.once(child, 'close')
  clearTimeout(timer)
  if (code === 0) return ''
  return code === null ? 'it never answered' : stderr
}

/** As before, and says which one it was. */
async function check (which, kind, pairs) {
  const group = pairs => {
    const names = {}
    for (const [name, member] of pairs) (names[name] = names[name] || []).push(member)
    return names
  }
  let problem = await subclassed(which, kind, group(pairs))
  if (problem === '') return
  while (pairs.length > 1) {
    const half = pairs.slice(0, pairs.length >> 1)
    const found = await subclassed(which, kind, group(half))
    problem = found || problem
    pairs = found ? half : pairs.slice(half.length)
  }
  assert.fail(`a ${pairs[0].join(' with ')} (${kind}): ${problem}`)
}

for (const which of ['original', 'native']) {
  for (const [kind, title] of Object.entries(KINDS)) {
    test(`${title} [${which}]`, async () => {
      const [theirs] = await both()
      const pairs = []
      for (const [name, members] of await beyond()) {
        // Of what is not exported there are no subclasses.
        if (kind !== 'kept' && !classesOf('native')[name]) continue
        const likely = LIKELY.filter(member => !theirs.get(name).has(member))
        for (const member of new Set([...members, ...likely])) pairs.push([name, member])
      }
      assert.ok(pairs.length > 500)
      await check(which, kind, pairs)
    })
  }
}

test('C307: no object has a name with an underscore that the original lacks', async () => {
  const surplus = (await beyond()).flatMap(([name, members]) => members
    .filter(member => member.startsWith('_') && !NODES.includes(member))
    .map(member => `${name}: ${member}`))
  assert.deepStrictEqual(surplus, [])
})

/** Names with an underscore of an object that the original has not. */
const hidden = object => [...namesOf(object)].filter(name => name.startsWith('_'))

test('C307: nor has what only ours hands out', async t => {
  const { Link, PeerRPCClient, PeerRPCServer, PeerSub } = classesOf('native')
  const stage = new Stage(t)
  const link = new Link({ grape: 'http://127.0.0.1:1' })
  const server = new PeerRPCServer({}, {})
  server.init()
  stage.after(() => server.stop())
  const service = server.transport('server').listen(0)
  const client = stage.client({ PeerRPCClient }, `127.0.0.1:${service.port}`)
  const seen = [link.promises, new PeerSub(stage.link(), {})[Symbol.asyncIterator]()]
  service.handle('handled', (payload, context) => {
    seen.push(context, context.signal)
    return payload
  })
  service.on('request', (rid, key, payload, handler) => {
    seen.push(handler)
    handler.reply(null, payload)
  })
  const { handleRequest } = service
  service.handleRequest = function (handler, ...args) {
    seen.push(handler)
    return handleRequest.call(this, handler, ...args)
  }
  for (const key of ['handled', 'other']) assert.strictEqual(await client.request(key, 'payload', { timeout: 10000 }), 'payload')
  assert.strictEqual(seen.length, 7)
  assert.deepStrictEqual(seen.flatMap(hidden), [])
})

test('C308: a link calls its listeners as any emitter does, whatever a subclass has', async t => {
  const { Link } = classesOf('native')
  const grape = await standIn(new Stage(t), () => [])
  class Own extends Link {
    emit () { throw new Error('its own') }
    on () { throw new Error('its own') }
  }
  const link = new Own({ grape: grape.url })
  assert.ok(link instanceof EventEmitter)
  const heard = []
  const listen = name => Link.prototype[name].call(link, 'connect', function (...args) {
    heard.push([name, this === link, ...args])
  })
  assert.strictEqual(listen('on'), link)
  listen('once')
  listen('prependListener')
  Link.prototype.once.call(link, 'connect', () => link.stop())
  const connected = new Promise(resolve => Link.prototype.once.call(link, 'connect', resolve))
  link.start()
  await connected
  assert.deepStrictEqual(heard, [['prependListener', true], ['on', true], ['once', true]])
  assert.strictEqual(link.listenerCount('connect'), 2)
  assert.strictEqual(Link.prototype.emit.call(link, 'connect', 1), true)
  assert.deepStrictEqual(heard.slice(3), [['prependListener', true, 1], ['on', true, 1]])
  link.removeAllListeners()
  assert.strictEqual(Link.prototype.emit.call(link, 'connect'), false)
  assert.throws(() => Link.prototype.emit.call(link, 'error', new Error('unheard')), /^Error: unheard$/)
})

test('C309: a destination that fails leaves the lookups of a link of another copy', async t => {
  const { PeerRPCClient } = classesOf('native')
  const stage = new Stage(t)
  const grape = await standIn(stage, () => ['127.0.0.1:1'])
  const files = Object.keys(require.cache).filter(file => file.startsWith(LIB + path.sep))
  const kept = files.map(file => [file, require.cache[file]])
  for (const file of files) delete require.cache[file]
  t.after(() => kept.forEach(([file, module]) => { require.cache[file] = module }))
  const Other = require('../../lib/Link')
  assert.notStrictEqual(Other, classesOf('native').Link)
  const link = startLink(stage, { Link: Other }, grape.url)
  const client = new PeerRPCClient(link, {})
  client.init()
  stage.after(() => client.stop())
  await assert.rejects(client.request('key', 'payload', { timeout: 10000 }))
  const { length } = grape.requests
  await assert.rejects(client.request('key', 'payload', { timeout: 10000 }))
  assert.ok(grape.requests.length > length)
})
