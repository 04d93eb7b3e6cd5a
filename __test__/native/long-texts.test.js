'use strict'

// Long messages are composed without the connection's lock, and short ones under it: both are the same frames, in the
// order of the calls.

const assert = require('node:assert')
const { call, each } = require('../helpers/conformance')
const { otherClient, otherServer } = require('../helpers/wire/other-end')
const { SHORT_TEXT } = require('../../lib/options/defaults')

/** Texts of one character over and over, which is one byte, two, four, or an escape in JSON. */
const CHARACTERS = ['x', 'ü', '🦀', '"', '\n']

/** Texts around the border, also some that only JavaScript can write as JSON, and ropes. */
function texts () {
  const around = [-50, -2, -1, 0, 1, 2, 50, 3 * SHORT_TEXT]
  const plain = CHARACTERS.flatMap(character => around.map(more => character.repeat((SHORT_TEXT + more) / character.length)))
  const lone = around.map(more => '\ud800' + 'x'.repeat(SHORT_TEXT + more - 1))
  let rope = ''
  for (let at = 0; at < 5000; at++) rope += `${at} ü`
  return [...plain, ...lone, rope, 'short', '']
}

/** A server that answers each request with its payload, and notes the frames. */
async function noting (stage) {
  const frames = []
  const dest = await otherServer(stage, socket => socket.on('message', data => {
    const frame = String(data)
    frames.push(frame)
    const [rid, , payload] = JSON.parse(frame)
    socket.send(JSON.stringify([rid, null, payload]))
  }))
  return { dest, frames }
}

each('long and short requests leave as JSON, in the order of the calls, and get their replies', async ({ implementation, stage }) => {
  const { dest, frames } = await noting(stage)
  const peer = stage.client(implementation, dest, { maxActiveDestTransports: 1 })
  const payloads = texts().flatMap(text => [text, { text }])
  // The first ones wait for the connection.
  for (const round of ['dialling', 'open']) {
    frames.length = 0
    const replies = await Promise.all(payloads.map(payload => call(peer, 'request', round, payload, {})))
    replies.forEach(({ err, res }, at) => {
      assert.strictEqual(err, null)
      assert.deepStrictEqual(res, payloads[at])
    })
    assert.deepStrictEqual(frames.map(frame => JSON.parse(frame)[2]), payloads)
    const ids = frames.map(frame => JSON.parse(frame)[0])
    assert.strictEqual(new Set(ids).size, payloads.length)
    frames.forEach((frame, at) => {
      assert.strictEqual(frame, JSON.stringify([ids[at], round, payloads[at]]))
    })
  }
})

each('long and short replies leave as JSON, with a long id too', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation, (rid, key, payload, handler) => {
    if (key === 'error') handler.reply(new Error(payload))
    else handler.reply(null, payload)
  })
  const socket = await otherClient(stage, `ws://${service.dest}/ws`)
  const frames = []
  let onAll
  const requests = texts().flatMap((text, at) => [
    [`r${at}`, 'k', text], [`o${at}`, 'k', { text }], [`e${at}`, 'error', text], [`${at} ${text}`, 'k', at]
  ])
  const all = new Promise(resolve => { onAll = resolve })
  socket.on('message', data => frames.push(String(data)) === requests.length && onAll())
  for (const request of requests) socket.send(JSON.stringify(request))
  await all
  assert.deepStrictEqual(frames.map(frame => JSON.parse(frame)), requests.map(([rid, key, payload]) => {
    // An Error without a text is replied as none.
    return key === 'error' ? [rid, payload, null] : [rid, null, payload]
  }))
})
