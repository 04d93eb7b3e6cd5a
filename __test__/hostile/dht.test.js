'use strict'

// A grape among nodes that lie and flood. Its process has a memory limit, and its API goes on.

const assert = require('node:assert')
const { setImmediate: turn } = require('node:timers/promises')
const { start, until } = require('../helpers/peers/faulty')
const { ask } = require('../../scripts/lib/grape-api')
const { PATIENCE, hostile } = require('../helpers/peers/hostile')
const { compact, idOf, node, query, read, response, socket } = require('../helpers/grapes/krpc')

const LOOKUPS = 400
const LIARS = 16
const TOKEN = Buffer.alloc(60000, 'x')
/** Resident MiB of a grape that keeps no such tokens, and then some. */
const MEMORY = 300

const ANNOUNCES = 25000
/** Announces without an answer so far: none of them may be lost in the kernel. */
const WINDOW = 64

const FLOOD_MS = 3000
/** Datagrams in one turn of the event loop, which also has the caller's requests. */
const BURST = 100

async function startGrape (stage, conf = {}) {
  const grape = start(stage, conf, { script: 'hostile-grape.js', memory: MEMORY })
  const { api, dht } = await grape.told('listening')
  const portOf = address => +address.split(':').pop()
  return { url: `http://127.0.0.1:${portOf(api)}`, dht: portOf(dht), grape }
}

/** Asks the API; fails when that takes longer than a second, or than `patience`. */
async function asks (url, type, data, patience = PATIENCE) {
  let timer
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${patience} ms`)), patience)
  })
  try {
    return await Promise.race([ask(url, type, data), late])
  } finally {
    clearTimeout(timer)
  }
}

hostile('an id that is at two addresses does not stop the process', async ({ stage }) => {
  const { url, dht } = await startGrape(stage)
  const id = idOf('two addresses')
  const elsewhere = await socket(stage)
  const other = await socket(stage)
  let asked = 0
  other.on('message', datagram => {
    const { q, t } = read(datagram)
    if (q === undefined) return
    asked++
    // The id is known at another address when this one turns out to be somebody else.
    elsewhere.to(dht, query('ping', { id }))
    other.to(dht, response({ id: idOf('somebody else') }, t))
  })
  await node(stage, dht, idOf('liar'), () => ({ nodes: compact(id, other.port) }))
  for (let at = 0; at < 5; at++) {
    assert.deepStrictEqual(await asks(url, 'lookup', `name ${at}`), [])
  }
  assert(asked > 0)
}, { tls: false })

hostile('tokens of 60 KB are not kept', async ({ stage }) => {
  const { url, dht, grape } = await startGrape(stage)
  let tokens = 0
  for (let at = 0; at < LIARS; at++) {
    await node(stage, dht, idOf(`liar ${at}`), q => {
      if (q !== 'get_peers') return {}
      tokens++
      return { token: TOKEN }
    })
  }
  // A node whose answer is too long has not answered: that takes a lookup its time.
  const found = await Promise.all(Array.from({ length: LOOKUPS }, (_, at) => asks(url, 'lookup', `name ${at}`, 10000)))
  assert(found.every(addresses => addresses.length === 0))
  assert(tokens > LOOKUPS, `${tokens} tokens`)
  assert.strictEqual(await asks(url, 'announce', ['name', 1337], 10000), 1)
  assert.strictEqual(grape.process.exitCode, null)
}, { tls: false })

hostile('a flood of announces drives out nobody else', async ({ stage }) => {
  const { url, dht } = await startGrape(stage)
  const service = await socket(stage)
  const liar = await socket(stage)
  const token = async own => {
    const answer = new Promise(resolve => own.once('message', datagram => resolve(datagram)))
    own.to(dht, query('get_peers', { id: '', info_hash: 'any' }))
    const text = (await answer).toString('latin1')
    return /5:token8:([\s\S]{8})/.exec(text)[1]
  }
  const announce = (own, key, token) => own.to(dht, query('announce_peer', {
    id: '', implied_port: 0, info_hash: key, port: 1337, token
  }))
  announce(service, 'honest', await token(service))
  await until(async () => (await asks(url, 'lookup', 'honest')).length === 1)

  const own = await token(liar)
  let sent = 0
  await new Promise(resolve => {
    let answered = 0
    liar.on('message', () => {
      if (++answered === ANNOUNCES) return resolve()
      if (sent < ANNOUNCES) announce(liar, `lie ${sent++}`, own)
    })
    while (sent < WINDOW) announce(liar, `lie ${sent++}`, own)
  })
  assert.deepStrictEqual(await asks(url, 'lookup', 'honest'), ['127.0.0.1:1337'])
  assert.deepStrictEqual(await asks(url, 'lookup', `lie ${ANNOUNCES - 1}`), ['127.0.0.1:1337'])
}, { tls: false })

/** What is no message, or costs much to read as one. */
const MALFORMED = [
  Buffer.from('what?'),
  Buffer.alloc(1000, 'd'),
  Buffer.from(`d1:al${'le'.repeat(7000)}e1:t1:x1:y1:qe`),
  Buffer.from(`d1:al${'le'.repeat(32000)}e1:t1:x1:y1:qe`),
  response({ id: idOf('nobody asked') }, 'abcd'),
  query('get_peers', { id: idOf('asks'), info_hash: 'x'.repeat(8000) }),
  query('announce_peer', { id: idOf('lies'), info_hash: 'x', port: 1, token: 'x'.repeat(8) })
]

hostile('a flood of datagrams does not keep the API from answering', async ({ stage }) => {
  const { url, dht } = await startGrape(stage)
  const flooder = await socket(stage)
  const end = Date.now() + FLOOD_MS
  let sent = 0
  const flood = async () => {
    while (Date.now() < end) {
      for (let at = 0; at < BURST; at++) flooder.to(dht, MALFORMED[sent++ % MALFORMED.length])
      await turn()
    }
  }
  const flooded = flood()
  let answers = 0
  while (Date.now() < end) {
    assert.strictEqual(await asks(url, 'announce', ['name', 1337]), 1)
    answers++
  }
  await flooded
  assert(answers > 2 && sent > 1000, `${answers} answers, ${sent} datagrams`)
}, { tls: false })
