'use strict'

// Peers that come and go: clients, servers, publishers and subscribers, stopped in every state.

const { PeerPub, PeerRPCClient, PeerRPCServer, PeerSub } = require('../..')
const { Asker, FAULTS, act, count, linkTo, repeat, secureOf, wait, what } = require('./actor')

/** A stopped peer fails its pending requests. */
const STOPPED = new RegExp(`${FAULTS.source}|^ERR_TIMEOUT$`, 'i')
const REQUESTS = 10

let last = 0
const next = () => `${process.pid}-${++last}`
const stopped = new Asker('stopped', STOPPED)
const answered = new Asker('come and go')

/** How a client ends: with all requests completed, with requests pending, or in order. */
const ENDINGS = [
  { asker: answered, end: async (peer, asked) => { await Promise.all(asked); peer.stop() } },
  { asker: stopped, end: peer => peer.stop() },
  { asker: stopped, end: async peer => { await wait(5); peer.stop() } },
  { asker: answered, end: (peer, asked) => peer.stop({ drain: 10000 }) }
]

async function client (dest, conf, { asker, end }) {
  const peer = new PeerRPCClient(linkTo(dest), conf)
  peer.init()
  const asked = Array.from({ length: REQUESTS }, () => {
    const payload = { id: next(), once: true }
    return asker.ask(peer, 'request', 'key', payload, {}, res => res.id === payload.id)
  })
  await end(peer, asked)
  count('clients')
  return Promise.all(asked)
}

/** A server and its client in this process; `opts` are those of its `stop`. */
async function server (opts) {
  const peer = new PeerRPCServer({}, {})
  peer.init()
  const service = peer.transport('server').listen(0)
  service.on('request', (rid, key, payload, handler) => setImmediate(() => handler.reply(null, payload)))
  const asked = client(`127.0.0.1:${service.port}`, {}, ENDINGS[opts ? 0 : 2])
  await wait(opts ? 0 : 5)
  if (opts) await asked
  await peer.stop(opts)
  await asked
  count('servers')
}

async function pubSub () {
  const publisher = new PeerPub({}, {})
  publisher.init()
  const service = publisher.transport('server').listen(0)
  const subscriber = new PeerSub(linkTo(`127.0.0.1:${service.port}`), {})
  subscriber.init()
  const heard = new Promise(resolve => subscriber.on('message', resolve))
  subscriber.sub('key')
  const timer = setInterval(() => service.pub('news'), 2)
  await heard
  clearInterval(timer)
  subscriber.stop()
  publisher.stop()
  count('subscribers')
}

let round = 0
const secure = secureOf(what.secure)
const loops = [
  repeat(20, () => client(what.dest, {}, ENDINGS[round++ % ENDINGS.length])),
  repeat(100, () => client(what.secureDest, { secure }, ENDINGS[round % 2])),
  repeat(50, () => server(round % 2 ? undefined : { drain: 5000 })),
  repeat(50, pubSub)
]

act({}, () => Promise.all(loops))
