'use strict'

// The port of a service is known as soon as `listen` returns, so that it can be announced.

const assert = require('node:assert')
const { execFile } = require('node:child_process')
const { once } = require('node:events')
const path = require('node:path')
const { promisify } = require('node:util')
const { asTexts, certificates } = require('../../scripts/lib/certificates')
const { each, call } = require('../helpers/conformance')
const { native } = require('../helpers/implementations')

const script = path.join(__dirname, '..', 'helpers', 'processes', 'cluster-port.js')

/** A server that is not listening yet, and a client's conf for it. */
function served (stage, conf, isSecure, prepare = () => {}) {
  const { server, client } = certificates()
  const peer = new native.PeerRPCServer({}, { ...conf, ...isSecure && { secure: { ...server, verifyClient: () => true } } })
  peer.init()
  stage.after(() => peer.stop())
  const service = peer.transport('server')
  prepare(service)
  service.on('request', (rid, key, payload, handler) => handler.reply(null, payload))
  return { service, conf: isSecure ? { secure: client } : {} }
}

const REPLACED = [
  ['', () => {}],
  [', with a replaced hook', service => { service.handleRequest = Object.getPrototypeOf(service).handleRequest.bind(service) }]
]

for (const isSecure of [false, true]) {
  for (const host of [undefined, '127.0.0.1', '0.0.0.0', 'localhost']) {
    for (const [how, prepare] of REPLACED) {
      each(`C542: the chosen port is known at once: ${isSecure ? 'TLS' : 'plain'}, host ${host}${how}`, async ({ stage }) => {
        const { service, conf } = served(stage, host === undefined ? {} : { host }, isSecure, prepare)
        const { port } = service.listen(0)
        assert.ok(port > 0, `port ${port}`)
        const reached = host === 'localhost' ? 'localhost' : '127.0.0.1'
        const client = stage.client(native, `${reached}:${port}`, conf)
        assert.deepStrictEqual(await call(client, 'request', 'k', 'v', { timeout: 5000 }), { err: null, res: 'v' })
        assert.strictEqual(service.port, port)
        assert.strictEqual(service.socket.address().port, port)
      }, { better: true })
    }
  }
}

each('C542: a server that stops listening and listens again has the second port', async ({ stage }) => {
  const { service, conf } = served(stage, { host: '127.0.0.1' }, true)
  service.listen(0)
  service.unlisten()
  const { port } = service.listen(0)
  assert.ok(port > 0)
  await once(service.socket, 'listening')
  assert.strictEqual(service.port, port)
  const client = stage.client(native, `127.0.0.1:${port}`, conf)
  assert.deepStrictEqual(await call(client, 'request', 'k', 1, { timeout: 5000 }), { err: null, res: 1 })
}, { better: true })

each('C542: a name that does not exist is an error event, as with another port', async ({ stage }) => {
  const { service } = served(stage, { host: 'a name with spaces' }, true)
  const heard = once(service, 'error')
  service.listen(0)
  const [err] = await heard
  assert.strictEqual(err.syscall, 'getaddrinfo')
  assert.strictEqual(service.isListening(), false)
}, { better: true })

for (const what of ['plain', 'tls', 'tls 127.0.0.1']) {
  each(`C542: in a cluster's worker too: ${what}`, async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [script, ...what.split(' ')], {
      env: { ...process.env, SECURE: JSON.stringify(asTexts(certificates().server)) },
      timeout: 15000,
      killSignal: 'SIGKILL'
    })
    const { port, ...others } = JSON.parse(stdout)
    assert.ok(port > 0, `port ${port}`)
    assert.deepStrictEqual(others, { heard: [port], code: 0, signal: null })
  }, { better: true })
}
