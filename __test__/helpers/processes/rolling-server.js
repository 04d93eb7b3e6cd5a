'use strict'

// A service that is told by messages: `{ listen: port, work, secure }` serves, `{ drain: ms }` ends it. It
// answers `{ begun }`, the payloads of all requests that it began.

const { native } = require('../implementations')

const begun = []
let peer
let service

process.on('message', async ({ listen, work, secure, drain }) => {
  if (listen !== undefined) {
    peer = new native.PeerRPCServer({}, secure ? { secure: { ...secure, verifyClient: () => true } } : {})
    peer.init()
    service = peer.transport('server')
    service.on('request', (rid, key, payload, handler) => {
      begun.push(payload)
      setTimeout(() => handler.reply(null, payload), work)
    })
    service.listen(listen)
    process.send({ begun })
  } else {
    await peer.stop({ drain })
    process.send({ begun }, () => process.disconnect())
  }
})

// Also when who drives it has failed.
process.on('disconnect', () => process.exit())
