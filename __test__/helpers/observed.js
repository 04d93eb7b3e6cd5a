'use strict'

// What tests of statistics and contexts share: RPC peers in each way that bytes and requests go.

const { certificates } = require('./certificates')
const { TransportRPCClient, TransportRPCServer } = require('../..')

const turn = () => new Promise(resolve => setImmediate(resolve))

/** Resolves once `isSo()`; a test that waits in vain ends by the limit of its file. */
async function until (isSo) {
  while (!isSo()) await turn()
}

/** Transports of the socket lane, since a hook of theirs is replaced. */
class HookedServer extends TransportRPCServer {
  parse (data) {
    return super.parse(data)
  }
}

class HookedClient extends TransportRPCClient {
  format (value) {
    return super.format(value)
  }
}

const plain = { server: {}, client: {} }

// [name, confs, transport classes]
const WAYS = [
  ['plain', plain, {}],
  ['TLS', {
    server: { secure: { ...certificates().server, verifyClient: () => true } },
    client: { secure: certificates().client }
  }, {}],
  ['replaced hooks', plain, { server: HookedServer, client: HookedClient }]
]

module.exports = { WAYS, turn, until }
