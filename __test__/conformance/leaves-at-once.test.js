'use strict'

// What is sent leaves at once, also when the sender's thread works on: the sender works until a file
// is there, which this process writes when it has what was sent. So no clock is asked.

const assert = require('node:assert')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { asTexts, certificates } = require('../../scripts/lib/certificates')
const { Child } = require('../../scripts/lib/child')
const { each } = require('../helpers/conformance')
const { CLOSE, PING, TEXT, frame, rawClient, rawServer } = require('../../scripts/lib/frames')
const { freePort } = require('../../scripts/lib/ports')

const WHEN = ['in the same call', 'in nextTick', 'in a microtask', 'in setImmediate', 'in a timer']

/** How many messages are sent during one long work. */
const MANY = 5

const request = key => frame(TEXT, JSON.stringify(['rid', key, 'payload']), { masked: true })

/** A folder for this test, and the names of files in it that are not there. */
function filesOf (stage) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grenache-busy-'))
  stage.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  let made = 0
  return count => Array.from({ length: count }, () => path.join(folder, `${made++}`))
}

async function busyPeer (stage, implementation, what) {
  const peer = new Child(require.resolve('../helpers/processes/busy-peer'), JSON.stringify({ implementation: implementation.name, ...what }))
  stage.after(() => peer.stop())
  assert.deepStrictEqual(await peer.next(), { value: 'listening' })
  return peer
}

/** Writes `files`, one for each frame with this opcode that comes by `raw`. */
async function write (raw, opcode, files) {
  for (const file of files) {
    let came
    do came = await raw.next(); while (came.opcode !== opcode)
    fs.writeFileSync(file, '')
  }
}

/**
 * A server or publisher that sends something to a client of frames: `act` is what it is told to do; or
 * `key`, what it is asked.
 */
async function serverSends ({ implementation, stage }, { role = 'server', act, key, opcode = TEXT, isSecure, when, count = 1 }) {
  const port = await freePort()
  const secure = isSecure ? asTexts(certificates().server) : undefined
  const peer = await busyPeer(stage, implementation, { role, port, secure })
  const files = filesOf(stage)
  for (const time of when) {
    const raw = await rawClient(stage, port, { secure: isSecure ? certificates().client : undefined })
    // So that the connection is known and was used.
    if (role === 'server') {
      raw.send(request('open'))
      await raw.next()
    }
    const order = { act, when: time, files: files(count) }
    const writing = write(raw, opcode, order.files)
    const worked = peer.ask(order)
    if (key) {
      assert.deepStrictEqual(await worked, { value: 'ready' })
      raw.send(request(key))
    }
    assert.deepStrictEqual(key ? await peer.next() : await worked, { value: true }, `work ${time}`)
    await writing
    raw.socket.destroy()
    await raw.ended
  }
}

/** A client that sends something to a server of frames. */
async function clientSends ({ implementation, stage }, { act, isSecure, when, isFirst, count = 1 }) {
  const answers = []
  const { dest } = await rawServer(stage, raw => {
    const answer = async () => {
      for (;;) {
        const { opcode, text } = await raw.next()
        if (opcode !== TEXT) continue
        const [rid, key] = JSON.parse(text)
        if (key === 'work') fs.writeFileSync(answers.shift(), '')
        raw.send(frame(TEXT, JSON.stringify([rid, null, null])))
      }
    }
    answer().catch(err => { throw err })
  }, { secure: isSecure ? certificates().server : undefined })
  const secure = isSecure ? asTexts(certificates().client) : undefined
  const peer = await busyPeer(stage, implementation, { role: 'client', dest, secure })
  if (!isFirst) assert.deepStrictEqual(await peer.ask({ act: 'open' }), { value: 'open' })
  const files = filesOf(stage)
  for (const time of when) {
    const order = { act, when: time, files: files(count) }
    answers.push(...order.files)
    assert.deepStrictEqual(await peer.ask(order), { value: true }, `work ${time}`)
  }
}

for (const isSecure of [false, true]) {
  const way = isSecure ? ', TLS' : ''
  const sent = (title, send, what, opts) =>
    each(`${title} leaves at once, whatever the thread does next${way}`, staged => send(staged, { isSecure, when: WHEN, ...what }), opts)

  sent('C310: a reply', serverSends, { key: 'work' })
  sent('C310: a result of a handler', serverSends, { key: 'handled', when: WHEN.slice(0, 1) }, { better: true })
  sent('C310: a message of a socket of a server', serverSends, { act: 'send' })
  sent('C310: a ping', serverSends, { act: 'ping', opcode: PING })
  sent('C310: a close frame', serverSends, { act: 'close', opcode: CLOSE })
  sent('C310: a request', clientSends, { act: 'request' })
  sent('C310: a request of a peer', clientSends, { act: 'request of a peer' }, { better: true })
  sent('C310: a mapped request', clientSends, { act: 'map' }, { better: true })
  sent('C310: a message of a socket of a client', clientSends, { act: 'send' })
}

each('C310: a published message leaves at once, whatever the thread does next', staged =>
  serverSends(staged, { role: 'publisher', act: 'publish', when: WHEN }))

const many = (title, send, what, opts) =>
  each(title, staged => send(staged, { when: ['in the same call'], count: MANY, ...what }), opts)

many('C311: each message that is published during long work leaves then', serverSends, { role: 'publisher', act: 'publish' })
many('C311: each message that a socket sends during long work leaves then', serverSends, { act: 'send' })
many('C311: each request that is sent during long work leaves then', clientSends, { act: 'request' })
many('C312: the first request of a transport leaves while the thread works', clientSends, { act: 'request', isFirst: true, count: 1 }, { better: true })
