'use strict'

// A thread that was busy at a deadline reads what came in time before anything expires. The other
// side is another process, which says in a file that it has answered: this one works until that is
// there, and its deadlines are over.

const assert = require('node:assert')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { once } = require('node:events')
const { asTexts, certificates } = require('../../scripts/lib/certificates')
const { Child } = require('../../scripts/lib/child')
const { call, each } = require('../helpers/conformance')
const { freePort } = require('../../scripts/lib/ports')

/** In ms. */
const TIMEOUT = 300
const HEARTBEAT = 200
/** For what was written to come through the system. */
const ON_ITS_WAY = 50
const PATIENCE = 8000

const turn = () => new Promise(resolve => setImmediate(resolve))

/** The thread works for so many ms, and until `file` is there. */
function work (ms, file) {
  const begun = performance.now()
  for (;;) {
    const now = performance.now()
    if (now - begun > ms && (!file || fs.existsSync(file))) break
    assert.ok(now - begun < PATIENCE, 'it was not answered')
  }
  const end = performance.now() + ON_ITS_WAY
  while (performance.now() < end);
}

function filesOf (stage) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grenache-blocked-'))
  stage.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  let made = 0
  return () => path.join(folder, `${made++}`)
}

function started (stage, implementation, what) {
  const child = new Child(require.resolve('../helpers/processes/prompt-peer'), JSON.stringify({ implementation: implementation.name, ...what }))
  stage.after(() => child.stop())
  return child
}

/** Starts the other side; resolves with its first word. */
const other = (...args) => started(...args).next()

/** A client of a server in another process: `{ peer, transport }`, connected by one transport. */
async function clientOf ({ implementation, stage }, { isSecure, conf, Transport }) {
  const secure = isSecure ? asTexts(certificates().server) : undefined
  const port = await other(stage, implementation, { role: 'server', port: await freePort(), secure })
  const own = isSecure ? { secure: { ...certificates().client } } : {}
  const dest = `127.0.0.1:${port}`
  const peer = stage.client(implementation, dest, { maxActiveDestTransports: 1, ...own, ...conf }, Transport && Transport(implementation))
  const transport = peer.transport(dest, {})
  assert.strictEqual((await call(transport, 'request', 'key', null, { timeout: PATIENCE })).res, 'answer')
  return { peer, transport }
}

/** A hook of its own: its requests go through all the methods, and its replies through the socket. */
const replaced = ({ TransportRPCClient }) => class extends TransportRPCClient {
  sendRequest (...args) {
    return super.sendRequest(...args)
  }
}

for (const isSecure of [false, true]) {
  const way = isSecure ? ', TLS' : ''

  for (const [lane, Transport] of [['', undefined], [', by socket', replaced]]) {
    each(`C314: an answer that came while the thread was busy counts, also after the timeout${lane}${way}`, async staged => {
      const { transport } = await clientOf(staged, { isSecure, Transport })
      const file = filesOf(staged.stage)()
      const answered = call(transport, 'request', 'key', file, { timeout: TIMEOUT })
      work(2 * TIMEOUT, file)
      assert.deepStrictEqual(await answered, { err: null, res: 'answer' })
    })
  }

  each(`C314: an answer that came while the process was stopped counts, also after the timeout${way}`, async ({ implementation, stage }) => {
    let child = null
    const service = await stage.serve(implementation, (rid, key, payload, handler) => {
      if (child !== null) child.process.kill('SIGSTOP')
      handler.reply(null, 'answer')
    }, isSecure ? { secure: { ...certificates().server, verifyClient: () => true } } : {})
    const secure = isSecure ? asTexts(certificates().client) : undefined
    const client = started(stage, implementation, { role: 'client', dest: service.dest, secure })
    assert.strictEqual(await client.next(), 'connected')
    child = client
    const answered = client.ask(TIMEOUT)
    await once(service, 'request')
    await new Promise(resolve => setTimeout(resolve, 2 * TIMEOUT))
    client.process.kill('SIGCONT')
    assert.strictEqual(await answered, 'answer')
  }, { better: true })

  each(`C314: a request of which no answer came while the thread was busy fails${way}`, async ({ implementation, stage }) => {
    const service = await stage.serve(implementation, () => {}, isSecure ? { secure: { ...certificates().server, verifyClient: () => true } } : {})
    const peer = stage.client(implementation, service.dest, isSecure ? { secure: { ...certificates().client } } : {})
    const answered = call(peer, 'request', 'key', null, { timeout: TIMEOUT })
    await turn()
    work(2 * TIMEOUT)
    assert.strictEqual((await answered).err.message, 'ERR_TIMEOUT')
  }, { better: true })

  each(`C315: a client that was busy does not end a connection whose other side answers its pings${way}`, async staged => {
    const { transport } = await clientOf(staged, { isSecure, conf: { heartbeatInterval: HEARTBEAT } })
    const ended = []
    transport.socket.on('close', code => ended.push(code))
    for (let round = 0; round < 6; round++) {
      work(2 * HEARTBEAT)
      await turn()
    }
    await new Promise(resolve => setTimeout(resolve, HEARTBEAT))
    assert.deepStrictEqual(ended, [])
    assert.strictEqual((await call(transport, 'request', 'key', null, { timeout: PATIENCE })).res, 'answer')
  }, { better: true })

  each(`C315: a server that was busy does not end a connection whose other side answers its pings${way}`, async ({ implementation, stage }) => {
    const conf = { heartbeatInterval: HEARTBEAT, ...(isSecure && { secure: { ...certificates().server, verifyClient: () => true } }) }
    const service = await stage.serve(implementation, undefined, conf)
    const connection = once(service.socket, 'connection')
    const secure = isSecure ? asTexts(certificates().client) : undefined
    await other(stage, implementation, { role: 'client', dest: service.dest, secure })
    const [socket] = await connection
    const ended = []
    socket.on('close', code => ended.push(code))
    for (let round = 0; round < 6; round++) {
      work(2 * HEARTBEAT)
      await turn()
    }
    await new Promise(resolve => setTimeout(resolve, HEARTBEAT))
    assert.deepStrictEqual(ended, [])
  }, { better: true })

  each(`C316: a grape's answer that came while the thread was busy counts, also after the timeout${way}`, async ({ implementation, stage }) => {
    const secure = isSecure ? asTexts(certificates().server) : undefined
    const port = await other(stage, implementation, { role: 'grape', secure })
    const conf = isSecure ? { tls: { ca: certificates().server.ca } } : {}
    const link = new implementation.Link({ grape: `${isSecure ? 'https' : 'http'}://127.0.0.1:${port}`, ...conf })
    link.start()
    stage.after(() => link.stop())
    const files = filesOf(stage)
    // A connection that is kept: what it takes to make one is more than one answer.
    assert.strictEqual((await call(link, 'lookup', files(), { timeout: PATIENCE })).err, null)
    const file = files()
    const answered = call(link, 'lookup', file, { timeout: TIMEOUT })
    await turn()
    work(2 * TIMEOUT, file)
    assert.deepStrictEqual(await answered, { err: null, res: ['127.0.0.1:1337'] })
  }, { better: true })

  each(`C317: an answer that came while the thread was busy counts, also when a drain is over${way}`, async staged => {
    const { peer } = await clientOf(staged, { isSecure })
    const file = filesOf(staged.stage)()
    const answered = call(peer, 'request', 'key', file, { timeout: PATIENCE })
    const stopped = peer.stop({ drain: TIMEOUT })
    await turn()
    work(2 * TIMEOUT, file)
    assert.deepStrictEqual(await answered, { err: null, res: 'answer' })
    await stopped
  }, { better: true })
}
