'use strict'

// Attacks on a process of this package, which has a memory limit and must go on serving others.

const assert = require('assert')
const { asTexts, certificates } = require('../../../scripts/lib/certificates')
const { fault, startServer } = require('./faulty')

/** Resident MiB that a process under attack may reach, unless its case says otherwise. */
const MEMORY = 512

/** A well-behaved caller is answered during an attack: in a second, but tests run on busy machines. In ms. */
const PATIENCE = 10000

/**
 * A case against a process, once plain and once with TLS; the suite runs under both I/O drivers.
 * @param {function(object)} body gets `{ stage, implementation, secure, startServer, client }`: `secure`
 *   are a raw client's options of TLS or undefined, `startServer(what, limits)` starts a server with
 *   the memory limit, and `client(server, conf)` makes a peer that asks it
 */
function hostile (title, body, { tls = true } = {}) {
  for (const isSecure of tls ? [false, true] : [false]) {
    fault(`${title}${isSecure ? ', TLS' : ''}`, (stage, implementation) => {
      const secure = isSecure ? certificates().client : undefined
      return body({
        stage,
        implementation,
        secure,
        startServer: (what, limits) => startServer(stage, {
          secure: isSecure ? asTexts(certificates().server) : undefined, ...what
        }, { memory: MEMORY, ...limits }),
        client: (server, conf) => stage.client(implementation, server.dest, { ...conf, ...(secure && { secure }) })
      })
    })
  }
}

/** Asks `peer` once; fails when the answer is wrong, or does not come. */
async function mustAnswer (peer, payload = 'still there?') {
  const answer = await peer.request('key', payload, { timeout: PATIENCE })
  assert.strictEqual(answer, payload)
}

module.exports = { MEMORY, PATIENCE, hostile, mustAnswer }
