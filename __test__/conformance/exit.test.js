'use strict'

// What is said while a process exits.

const assert = require('node:assert')
const { asTexts, certificates } = require('../../scripts/lib/certificates')
const { Child } = require('../../scripts/lib/child')
const { each } = require('../helpers/conformance')
const { TEXT, frame, rawClient } = require('../../scripts/lib/frames')
const { freePort } = require('../../scripts/lib/ports')

const ask = key => frame(TEXT, JSON.stringify(['rid', key, 'payload']), { masked: true })

const SAID = {
  reply: ['["rid",null,"last"]'],
  send: ['["last"]'],
  pub: ['last'],
  both: ['["rid",null,"first"]', '["last"]']
}

for (const isSecure of [false, true]) {
  for (const [what, texts] of Object.entries(SAID)) {
    // Node's TLS takes one write at a time, and a publisher of the original has no TLS.
    if (isSecure && (what === 'both' || what === 'pub')) continue
    each(`C489: what a listener of exit says leaves at once: ${what}${isSecure ? ', TLS' : ''}`, async ({ implementation, stage }) => {
      const port = await freePort()
      const secure = isSecure ? [JSON.stringify(asTexts(certificates().server))] : []
      const peer = new Child(require.resolve('../helpers/processes/exit-peer'), implementation.name, what, port, ...secure)
      stage.after(() => peer.process.kill('SIGKILL'))
      assert.strictEqual(await peer.next(), 'listening')
      const raw = await rawClient(stage, port, { secure: isSecure ? certificates().client : undefined })
      if (what === 'pub') peer.process.send('exit')
      else {
        raw.send(ask('open'))
        assert.strictEqual((await raw.next()).text, '["rid",null,"payload"]')
        raw.send(ask('exit'))
      }
      for (const text of texts) assert.strictEqual((await raw.next()).text, text)
    })
  }
}
