'use strict'

// Servers in the workers of Node's cluster.

const assert = require('node:assert')
const { execFile } = require('node:child_process')
const path = require('node:path')
const { promisify } = require('node:util')
const { each } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')

const script = path.join(__dirname, '..', 'helpers', 'processes', 'cluster-peer.js')

for (const what of ['server', 'pub']) {
  each(`C490: the primary hears where a worker listens, and a worker that is disconnected ends: ${what}`, async ({ implementation: { name } }) => {
    const { stdout } = await promisify(execFile)(process.execPath, [script, name, what, await freePort()], { timeout: 15000, killSignal: 'SIGKILL' })
    assert.deepStrictEqual(JSON.parse(stdout), {
      heard: [{ state: 'listening', address: null, addressType: 4, isPort: true }], code: 0, signal: null
    })
  })
}
