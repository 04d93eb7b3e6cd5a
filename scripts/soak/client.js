'use strict'

// Sends all kinds of requests, at a pace that does not saturate the machine.

const { PeerRPCClient } = require('../..')
const { Asker, FAULTS, act, linkTo, repeat, secureOf, wait, what } = require('./actor')

const UNICODE = 'äöü 你好 🦀 \u2028\u2029 \u0000 "\\ é'
/** A grape forgets a server that was down when its announce was due. */
const SHAKY = new RegExp(`${FAULTS.source}|ERR_GRAPE_LOOKUP_EMPTY`, 'i')

const link = linkTo()
const conf = { heartbeatInterval: 5000 }
const steadyPeer = new PeerRPCClient(link, conf)
const shakyPeer = new PeerRPCClient(link, conf)
const securePeer = new PeerRPCClient(linkTo(what.secureDest), { ...conf, secure: secureOf(what.secure) })
const proxiedPeer = new PeerRPCClient(linkTo(what.proxied), conf)
const peers = [steadyPeer, shakyPeer, securePeer, proxiedPeer]
for (const peer of peers) peer.init()

let last = 0
const next = () => `${process.pid}-${++last}`
const same = payload => res => !!res && res.id === payload.id && res.text === payload.text
const some = list => list[Math.floor(Math.random() * list.length)]

/** Requests with texts of these sizes, `burst` at once. */
function traffic (asker, peer, key, { pace, burst, texts, once = true, ...opts }) {
  return repeat(pace, () => Promise.all(Array.from({ length: burst }, () => {
    const payload = { id: next(), once, text: some(texts), late: Math.random() < 0.05 ? 20 : 0 }
    return asker.ask(peer, 'request', key, payload, opts, same(payload))
  })))
}

const small = Array.from({ length: 10 }, (_, at) => 'x'.repeat(10 * at))
const large = [10000, 100000, 1000000].map(size => 'y'.repeat(size))
const unicode = [1, 10, 3000].map(times => UNICODE.repeat(times))

const maps = new Asker('maps')
const shakyMaps = new Asker('maps, shaky', SHAKY)
const map = (asker, key, once, pace) => repeat(pace, () => {
  const payload = { id: next(), once, text: some(small) }
  return asker.ask(steadyPeer, 'map', key, payload, {}, res => res.length > 0 && res.every(same(payload)))
})

const errors = new Asker('errors', /^as you say 🦀$/)

const loops = [
  traffic(new Asker('small'), steadyPeer, 'soak_steady', { pace: 10, burst: 16, texts: small }),
  traffic(new Asker('large'), steadyPeer, 'soak_steady', { pace: 60, burst: 2, texts: large }),
  traffic(new Asker('unicode'), steadyPeer, 'soak_steady', { pace: 20, burst: 4, texts: unicode }),
  traffic(new Asker('TLS'), securePeer, '', { pace: 20, burst: 8, texts: [...small, ...unicode, large[1]] }),
  traffic(new Asker('shaky', SHAKY), shakyPeer, 'soak_shaky', { pace: 10, burst: 4, texts: small, once: false }),
  traffic(new Asker('shaky, retry', SHAKY), shakyPeer, 'soak_shaky', { pace: 20, burst: 4, texts: unicode, once: false, retry: 3 }),
  traffic(new Asker('proxied', new RegExp(`${FAULTS.source}|ERR_TIMEOUT`, 'i')), proxiedPeer, '', { pace: 20, burst: 8, texts: [...small, large[0]], timeout: 3000 }),
  map(maps, 'soak_steady', true, 20),
  map(shakyMaps, 'soak_shaky', false, 40),
  repeat(50, () => errors.ask(steadyPeer, 'request', 'soak_steady', { fail: 'as you say 🦀' }, {}, () => false))
]

act({}, async () => {
  await Promise.all(loops)
  await wait(100)
  for (const peer of peers) peer.stop()
  link.stop()
})
