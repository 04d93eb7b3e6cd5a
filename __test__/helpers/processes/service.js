'use strict'

// A server process: service.js <implementation> <grape> <key>. What it does with a request is
// in the payload: `{ echo }`, `{ error }`, `{ both }`, `{ late: ms, echo }`, `{ exit }`.

const { byName } = require('../implementations')
const { freePort } = require('../../../scripts/lib/ports')
const [implementation, grape, key] = process.argv.slice(2)
const { PeerRPCServer, Link } = byName[implementation]

const link = new Link({ grape })
link.start()
const peer = new PeerRPCServer(link, {})
peer.init()
const service = peer.transport('server')

service.on('request', (rid, key, payload, handler) => {
  const { reply } = handler
  const answer = () => {
    if (payload.error !== undefined) return reply(new Error(payload.error), payload.both)
    reply(null, payload.echo)
  }
  if (payload.late) return setTimeout(answer, payload.late)
  answer()
  if (payload.exit) process.exit()
})

async function listen () {
  const port = +process.argv[5] || await freePort()
  service.listen(port)
  link.startAnnouncing(key, port, {}, err => process.send(err ? { error: err.message } : { port }))
}

listen()
process.on('disconnect', () => process.exit())
