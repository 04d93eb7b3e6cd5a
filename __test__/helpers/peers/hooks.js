'use strict'

// What tests of replaced methods share.

const assert = require('node:assert')
const { once } = require('events')
const { call } = require('../conformance')

const PAYLOADS = [1, 'two', null, { three: ['ü', 4.5] }, 'long'.repeat(30000)]

/** Sends the payloads at once, and expects `expected(payload)` for each. */
async function expectAnswers (transport, expected = payload => payload, payloads = PAYLOADS) {
  const answers = await Promise.all(payloads.map(payload => call(transport, 'request', 'key', payload, { timeout: 10000 })))
  assert.deepStrictEqual(answers, payloads.map(payload => ({ err: null, res: expected(payload) })))
}

/** A client transport of a service. */
function clientOf (stage, client, service, conf) {
  return stage.client(client, service.dest, conf).transport(service.dest)
}

/** A server that echoes, and a transport of the class that `extend` makes; it may be named once. */
async function both (stage, server, client, extend) {
  const service = await stage.serve(server)
  const Transport = extend && extend(client.TransportRPCClient)
  const transport = stage.client(client, service.dest, {}, Transport).transport(service.dest)
  return { service, transport }
}

/** Ends all connections of a service, and resolves once the transport knows. */
async function drop (service, transport) {
  const closed = once(transport.socket, 'close')
  for (const connection of service.socket.clients) connection.terminate()
  await closed
}

/** Connects, and resolves with what the server's `connection` event says. */
async function connectionOf (service, transport) {
  const accepted = once(service.socket, 'connection')
  transport.connect()
  return accepted
}

module.exports = { PAYLOADS, both, clientOf, connectionOf, drop, expectAnswers }
