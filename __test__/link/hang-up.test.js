'use strict'

// Grapes that hang up in the middle of an exchange.

const { test } = require('node:test')
const assert = require('node:assert')
const { certificates } = require('../../scripts/lib/certificates')
const { call, each } = require('../helpers/conformance')
const { standIn, startLink } = require('../helpers/grapes/stand-in')
const { fromFailure } = require('../../lib/errors/errors')

const cut = (request, res) => {
  res.writeHead(200, { 'content-length': 100 })
  res.write('[1', () => res.socket.destroy())
}
const reset = (request, res) => { res.socket.resetAndDestroy() }
const hangUp = (request, res) => { res.socket.destroy() }

const WAYS = [
  ['instead of an answer', hangUp, /socket hang up$/, {}],
  ['by a reset', reset, /read ECONNRESET$/, { errno: -104, syscall: 'read' }],
  ['in the middle of a body', cut, /^(socket hang up|aborted)$/, {}, true]
]

for (const secure of [false, true]) {
  for (const [when, answer, text, properties, better] of WAYS) {
    // Under TLS the answer's end is Node's business.
    if (secure && answer === reset) continue
    each(`C487: a grape that hangs up ${when} is ECONNRESET, ${secure ? 'https' : 'http'}`, async ({ implementation, stage }) => {
      const grape = await standIn(stage, answer, secure ? certificates().server : undefined)
      const link = startLink(stage, implementation, grape.url, { tls: { ca: certificates().server.ca } })
      const { err } = await call(link, 'lookup', 'key', { retry: 1 })
      assert.match(err.message, text)
      assert.strictEqual(err.code, 'ECONNRESET')
      if (implementation.name !== 'native') return
      assert.deepStrictEqual({ ...err }, { code: 'ECONNRESET', ...properties })
    }, { better: better || secure })
  }
}

test('a failure without a call has its own text', () => {
  const err = fromFailure({ message: 'socket hang up', code: 'ECONNRESET' })
  assert.deepStrictEqual([err.message, { ...err }], ['socket hang up', { code: 'ECONNRESET' }])
})
