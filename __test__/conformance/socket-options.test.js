'use strict'

// Options of ws's server that a subclass hands to the `getSocket` of the original.

const assert = require('node:assert')
const { once } = require('events')
const Ws = require('ws')
const { each } = require('../helpers/conformance')

/** A service whose server was made with `opts` beside its port. */
const serveWith = (stage, implementation, opts) => stage.serve(implementation, undefined, {}, class extends implementation.TransportRPCServer {
  getSocket (given) {
    return super.getSocket({ ...given, ...opts })
  }
})

/** What becomes of a client that asks for a path: the answer to its request, or the status of the refusal. */
async function ask ({ port }, path, options) {
  const socket = new Ws(`ws://127.0.0.1:${port}${path}`, options)
  const refused = once(socket, 'unexpected-response').then(([, { statusCode }]) => statusCode)
  const opened = once(socket, 'open')
  opened.catch(() => {})
  socket.on('error', () => {})
  const status = await Promise.race([refused, opened.then(() => 101)])
  refused.catch(() => {})
  if (status !== 101) {
    socket.terminate()
    return status
  }
  socket.send('["1","key",1]')
  const [text] = await once(socket, 'message')
  socket.terminate()
  return String(text)
}

const ANSWER = '["1",null,1]'

each('C475: path lets in who asks for it, and others get 400', async ({ implementation, stage }) => {
  const service = await serveWith(stage, implementation, { path: '/ws' })
  const paths = ['/ws', '/ws?token=1', '/other', '/ws/', '/']
  const answers = []
  for (const path of paths) answers.push(await ask(service, path))
  assert.deepStrictEqual(answers, [ANSWER, ANSWER, 400, 400, 400])
  assert.strictEqual(service.socket.options.path, '/ws')
  assert.deepStrictEqual(['/ws?a', '/wss'].map(url => service.socket.shouldHandle({ url })), [true, false])
})

each('C475: path goes before verifyClient', async ({ implementation, stage }) => {
  const asked = []
  const verifyClient = ({ req }) => asked.push(req.url) && req.headers.token === 'mine'
  const service = await serveWith(stage, implementation, { path: '/ws', verifyClient })
  assert.strictEqual(await ask(service, '/ws', { headers: { token: 'mine' } }), ANSWER)
  assert.strictEqual(await ask(service, '/ws'), 401)
  assert.strictEqual(await ask(service, '/other', { headers: { token: 'mine' } }), 400)
  assert.deepStrictEqual(asked, ['/ws', '/ws'])
})

each('C475: clientTracking: false keeps no clients', async ({ implementation, stage }) => {
  const service = await serveWith(stage, implementation, { clientTracking: false })
  const accepted = once(service.socket, 'connection')
  assert.strictEqual(await ask(service, '/ws'), ANSWER)
  await accepted
  assert.strictEqual(service.socket.clients, undefined)
})

each('C476: what a native server cannot have is refused by its name', async ({ implementation, stage }) => {
  for (const opts of [{ server: {} }, { noServer: true }, { handleProtocols: () => 'a' }]) {
    const [name] = Object.keys(opts)
    const transport = new implementation.TransportRPCServer({}, {})
    assert.throws(() => transport.getSocket({ port: 0, ...opts }), { code: 'ERR_UNSUPPORTED', message: new RegExp(`'${name}'`) })
  }
  assert.throws(() => new implementation.TransportRPCServer({}, {}).getSocket({}), { message: /port/ })
}, { better: true })
