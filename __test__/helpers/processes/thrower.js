'use strict'

// What becomes of an exception in a callback of a link, asked one case after the other in a process
// that survives them: prints `{ <case>: outcome }` as JSON. The outcome is `caught` (nobody hears of
// it, but by a warning), `unhandledRejection`, `uncaughtException`, or `thrown` to the caller.

const http = require('http')
const { once } = require('events')
const { byName } = require('../implementations')

const { Link, PeerRPCClient, PeerSub } = byName[process.argv[2]]
const HANGS = 200

let outcome
let called

for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, err => {
    if (err.message !== 'mine') throw err
    outcome = event
  })
}

function boom () {
  called()
  throw new Error('mine')
}

/** Each gets a started link and its grape; what is named `...` is what the grape does. */
const CASES = {
  // The first: what follows is no part of it.
  stopped: {
    'before it': link => link.stop().lookup('k', boom)
  },
  answered: {
    lookup: link => link.lookup('k', boom),
    announce: link => link.announce('k', 1337, {}, boom),
    startAnnouncing: link => link.startAnnouncing('k', 1337, {}, boom),
    put: link => link.put({ v: 'x' }, boom),
    get: link => link.get('hash', boom),
    request: link => link.request('own', 1, {}, boom),
    'a second one': link => link.lookup('k', () => link.lookup('other', boom)),
    'dest of a peer': link => client(link, { dest: boom }).request('k', 1, {}, () => {}),
    'transport of a peer': link => client(link, { transport: boom }).map('k', 1, {}, () => {})
  },
  empty: {
    lookup: link => link.lookup('k', boom),
    'request of a peer': link => client(link).request('k', 1, {}, boom),
    'map of a peer': link => client(link).map('k', 1, {}, boom),
    'error of a subscriber': link => subscriber(link).on('error', boom).sub('k', {})
  },
  failed: {
    lookup: link => link.lookup('k', { retry: 1 }, boom),
    announce: link => link.announce('k', 1337, { retry: 1 }, boom),
    get: link => link.get('hash', boom)
  },
  silent: {
    lookup: link => link.lookup('k', { retry: 1 }, boom),
    announce: link => link.announce('k', 1337, { retry: 1 }, boom),
    'request of a peer': link => client(link).request('k', 1, {}, boom)
  },
  hungUp: { get: link => link.get('hash', boom) },
  down: {
    lookup: link => link.lookup('k', boom),
    announce: link => link.announce('k', 1337, boom),
    startAnnouncing: link => link.startAnnouncing('k', 1337, boom),
    'request of a peer': link => client(link).request('k', 1, {}, boom)
  },
  misnamed: { lookup: link => link.lookup('k', { retry: 1 }, boom) },
  cached: {
    lookup: link => link.lookup('k', () => setImmediate(() => thrown(() => link.lookup('k', boom)))),
    'dest of a peer': link => link.lookup('k', () => setImmediate(() => thrown(() => {
      client(link, { dest: boom }).request('k', 1, {}, () => {})
    })))
  },
  replaced: {
    'at once': link => {
      link._post = (url, data, opts, cb) => cb(null, ['127.0.0.1:1337'])
      thrown(() => link.lookup('k', boom))
    },
    later: link => {
      link._post = (url, data, opts, cb) => setImmediate(cb, null, ['127.0.0.1:1337'])
      link.lookup('k', boom)
    },
    'of its own': link => {
      const { _post } = link
      link._post = (url, data, opts, cb) => _post.call(link, url, data, opts, (err, res) => cb(err, res))
      link.lookup('k', boom)
    },
    'within another': link => {
      const other = new Link({ grape: link.conf.grape })
      other.start()
      other._post = (url, data, opts, cb) => cb(null, ['127.0.0.1:1337'])
      link.lookup('k', () => thrown(() => other.lookup('k', boom)))
      link.other = other
    }
  }
}

const peers = []

function client (link, own) {
  const peer = Object.assign(new PeerRPCClient(link, {}), own)
  peer.init()
  peers.push(peer)
  return peer
}

function subscriber (link) {
  const peer = new PeerSub(link, {})
  peer.init()
  return peer
}

function thrown (act) {
  try {
    act()
  } catch (err) {
    if (err.message !== 'mine') throw err
    outcome = 'thrown'
  }
}

const ANSWERS = {
  empty: (type, res) => res.end('[]'),
  failed: (type, res) => {
    res.statusCode = 500
    res.end('"ERR_BROKEN"')
  },
  silent: () => {},
  hungUp: (type, res) => res.destroy()
}

const turn = () => new Promise(resolve => setImmediate(resolve))

async function outcomeOf (how, act) {
  const server = http.createServer((req, res) => {
    req.resume().on('end', () => {
      if (ANSWERS[how]) return ANSWERS[how](req.url, res)
      res.end(req.url === '/lookup' ? '["127.0.0.1:1337"]' : '"done"')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  if (how === 'down') await new Promise(resolve => server.close(resolve))
  const grape = how === 'misnamed' ? 'nonsense' : `http://127.0.0.1:${port}`
  const link = new Link({ grape, requestTimeout: how === 'silent' ? HANGS : 2500 })
  link.start()
  outcome = 'caught'
  await new Promise(resolve => {
    called = resolve
    act(link)
  })
  // Rejections are looked at after this turn.
  for (let turns = 0; turns < 3; turns++) await turn()
  link.stop()
  if (link.other) link.other.stop()
  for (const peer of peers.splice(0)) peer.stop()
  server.close()
  server.closeAllConnections()
  return outcome
}

async function all () {
  const outcomes = {}
  for (const [how, cases] of Object.entries(CASES)) {
    for (const [what, act] of Object.entries(cases)) outcomes[`${how}: ${what}`] = await outcomeOf(how, act)
  }
  console.log(JSON.stringify(outcomes))
}

all()
