'use strict'

// What tests of statistics and contexts share: RPC peers in each way that bytes and requests go.

const { certificates } = require('../../../scripts/lib/certificates')
const { turn, until } = require('../until')
const { TransportRPCClient, TransportRPCServer } = require('../../..')

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
