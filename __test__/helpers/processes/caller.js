'use strict'

// A client process: caller.js <implementation> <grape>. Each message is a list of calls
// `{ method, key, payload, opts }` made at once; the answer is the list of `{ err, res }` in the
// order of the calls, and `order`, the order in which they were answered.

const { byName } = require('../implementations')
const [implementation, grape] = process.argv.slice(2)
const { PeerRPCClient, Link } = byName[implementation]

const link = new Link({ grape })
link.start()
const peer = new PeerRPCClient(link, {})
peer.init()

process.on('message', calls => {
  const results = []
  const order = []
  calls.forEach(({ method = 'request', key, payload, opts = {} }, at) => {
    peer[method](key, payload, { timeout: 10000, ...opts }, (err, res) => {
      results[at] = { err: err && { message: err.message, code: err.code }, res }
      order.push(at)
      if (order.length === calls.length) process.send({ results, order })
    })
  })
})
process.on('disconnect', () => process.exit())
