'use strict'

// A peer in a process of its own that sends something and works on without a pause, until a file
// says that the other side has it: busy-peer.js '{"implementation": "native", "role": "server", ...}'.
// It is told what to do by messages, and answers each with what it saw.

const fs = require('fs')
const { byName } = require('../implementations')

const what = JSON.parse(process.argv[2])
const { role, dest } = what
const { PeerRPCServer, PeerRPCClient, PeerPub } = byName[what.implementation]
const conf = { ...what.conf }
if (what.secure) {
  conf.secure = Object.fromEntries(Object.entries(what.secure).map(([name, text]) => [name, Buffer.from(text, 'base64')]))
  if (role !== 'client') conf.secure.verifyClient = () => true
}

/** Longer than anything takes that is under way, in ms. */
const PATIENCE = 4000

/** The thread works until `file` is there; whether it came in time. */
function workUntil (file) {
  const end = performance.now() + PATIENCE
  while (!fs.existsSync(file)) if (performance.now() > end) return false
  return true
}

/** When the work begins, after what was sent. */
const WHEN = {
  'in the same call': act => act(),
  'in nextTick': act => process.nextTick(act),
  'in a microtask': act => Promise.resolve().then(act),
  'in setImmediate': act => setImmediate(act),
  'in a timer': act => setTimeout(act, 0)
}

const answer = value => process.send({ value })

/** Works as the order `{ when, files }` says, with `next` before each file but the first. */
function work ({ when, files }, next) {
  WHEN[when](() => answer(files.every((file, at) => {
    if (at > 0) next()
    return workUntil(file)
  })))
}

let order

const ROLES = {
  server () {
    const peer = new PeerRPCServer({}, conf)
    peer.init()
    const service = peer.transport('server')
    service.on('request', (rid, key, payload, handler) => {
      handler.reply(null, 'done')
      if (key === 'work') work(order)
    })
    if (service.handle) {
      service.handle('handled', async () => {
        // The result is sent some microtasks after this function has returned.
        setImmediate(() => work({ ...order, when: 'in the same call' }))
        return 'done'
      })
    }
    service.listen(what.port)
    // The newest: those before it may still be on their way out.
    const client = () => [...service.socket.clients].pop()
    return {
      send: () => client().send('message'),
      ping: () => client().ping('message'),
      close: () => client().close(4000)
    }
  },

  client () {
    const peer = new PeerRPCClient({ lookup: (key, opts, cb) => cb(null, [dest]) }, { ...conf, maxActiveDestTransports: 1 })
    peer.init()
    const transport = peer.transport(dest, {})
    return {
      open: () => transport.request('open', 'payload', { timeout: 20000 }, () => answer('open')),
      request: () => transport.request('work', 'payload', { timeout: 20000 }, () => {}),
      // These look the service up first; the original does so later.
      'request of a peer': () => peer.request('work', 'payload', { timeout: 20000 }, () => {}),
      map: () => peer.map('work', 'payload', { timeout: 20000 }, () => {}),
      send: () => transport.socket.send(JSON.stringify(['rid', 'work', null]))
    }
  },

  publisher () {
    const peer = new PeerPub({}, conf)
    peer.init()
    const service = peer.transport('server')
    service.listen(what.port)
    return { publish: () => service.pub('message') }
  }
}

const acts = ROLES[role]()

process.on('message', message => {
  order = message
  if (order.act === undefined) return answer('ready')
  const act = acts[order.act]
  act()
  if (order.when) work(order, act)
})
process.on('disconnect', () => process.exit())
answer('listening')
