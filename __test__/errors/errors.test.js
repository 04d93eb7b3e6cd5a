'use strict'

// Each error of docs/API.md, what it says beside its text: made where the package makes it. A row that
// is new there needs its case here.

const assert = require('node:assert')
const { createHash } = require('node:crypto')
const { once } = require('node:events')
const http = require('node:http')
const net = require('node:net')
const { test } = require('node:test')
const { inspect } = require('node:util')
const { rows } = require('../helpers/docs/api-page')
const { limited } = require('../../scripts/lib/child')
const { Stage, call, native } = require('../helpers/conformance')
const { TEXT, frame, rawServer } = require('../../scripts/lib/frames')
const { freePort } = require('../../scripts/lib/ports')
const { standIn, startLink, fail } = require('../helpers/grapes/stand-in')
const { subscribed } = require('../helpers/peers/subscribers')
const { fromFailure } = require('../../lib/errors/errors')
const { NAMES, codeOf } = require('../../lib/errors/failure')

/** RFC 6455 section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

const DEEP = JSON.parse('['.repeat(300) + ']'.repeat(300))

/** The error of one request at `dest`. */
async function asked (stage, dest, conf, opts = {}, payload = 1) {
  return (await call(stage.client(native, dest, conf), 'request', 'k', payload, opts)).err
}

const never = stage => stage.serve(native, () => {})

/** The error of a request to a server that answers the upgrade with these lines; `null` hangs up. */
async function answered (stage, lines, conf) {
  const server = net.createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', bytes => {
      const [, key] = /sec-websocket-key: (.*)\r\n/i.exec(bytes.toString())
      const accept = createHash('sha1').update(key + GUID).digest('base64')
      if (lines === null) return socket.end()
      socket.write([...lines, '', ''].join('\r\n').replace('ACCEPT', accept))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stage.after(() => server.close())
  const dest = `127.0.0.1:${server.address().port}`
  return { err: await asked(stage, dest, conf), dest }
}

const SWITCH = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade']
const connecting = (lines, conf) => async stage => {
  const { err, dest } = await answered(stage, lines, conf)
  assert.strictEqual(err.dest, dest)
  assert.strictEqual(err.key, 'k')
  return err
}

/** The error of a lookup at a grape that answers so. */
const looked = answer => async stage => {
  const grape = await standIn(stage, answer)
  const { err } = await call(startLink(stage, native, grape.url), 'lookup', 'k')
  assert.strictEqual(err.grape, grape.url)
  assert.strictEqual(err.key, 'k')
  return err
}

/** What fails far from any test, or takes a machine of its own: made of what the native side says of it. */
const made = failure => () => fromFailure(failure)

const thrown = act => async stage => {
  try {
    await act(stage)
  } catch (err) {
    return err
  }
}

/** A client's connection that is open, and its socket object. */
async function opened (stage, handle) {
  const service = await stage.serve(native, handle)
  const transport = stage.client(native, service.dest).transport(service.dest)
  await call(transport, 'request', 'k', 1, {})
  return { service, transport, socket: transport.socket }
}

const inState = act => thrown(async stage => {
  const transport = stage.client(native, '127.0.0.1:1').transport('127.0.0.1:1')
  transport.connect()
  transport.socket.on('error', () => {})
  act(transport.socket)
})

/** By the text of a row: how it comes about, its code, and what else it has. */
const CASES = {
  ERR_TIMEOUT: [async stage => asked(stage, (await never(stage)).dest, {}, { timeout: 50 }), 'ERR_TIMEOUT', ['key', 'dest', 'timeout']],
  ERR_TRANSPORT_CLOSE: [async stage => {
    const service = await stage.serve(native, () => { for (const socket of service.socket.clients) socket.close(4000, 'mine') })
    const err = await asked(stage, service.dest)
    assert.strictEqual(err.closeCode, 4000)
    return err
  }, 'ERR_TRANSPORT_CLOSE', ['key', 'dest', 'closeCode']],
  ERR_GRAPE_LOOKUP_EMPTY: [looked(() => []), 'ERR_GRAPE_LOOKUP_EMPTY', ['key', 'grape']],
  ERR_GRAPE_LOOKUP_INVALID: [looked(() => ['no address']), 'ERR_GRAPE_LOOKUP_INVALID', ['key', 'grape']],
  ERR_REQUESTS_LIMIT: [async stage => {
    const peer = stage.client(native, (await never(stage)).dest, { maxRequests: 1 })
    peer.request('k', 1, { timeout: 100 }, () => {})
    return (await call(peer, 'request', 'k', 2, {})).err
  }, 'ERR_REQUESTS_LIMIT', ['key', 'dest']],
  'The operation was aborted': [stage => asked(stage, '127.0.0.1:1', {}, { signal: AbortSignal.abort() }), 'ABORT_ERR', ['key']],
  'opts.signal must be an AbortSignal': [stage => asked(stage, '127.0.0.1:1', {}, { signal: {} }), 'ERR_INVALID_ARG_TYPE', ['key']],
  ERR_KEY_UNKNOWN: [async stage => {
    const service = await stage.serve(native)
    service.removeAllListeners('request').handle('other', () => 1)
    return asked(stage, service.dest)
  }, 'ERR_KEY_UNKNOWN', ['key', 'dest']],
  Error: [async stage => {
    const service = await stage.serve(native)
    service.handle('k', () => { throw new Error('') })
    return asked(stage, service.dest)
  }, undefined, ['key', 'dest']],
  ERR_MESSAGES_LIMIT: [async stage => {
    const service = await stage.publisher(native)
    const peer = await subscribed(stage, native, service, { conf: { maxBuffered: 1 } })
    const messages = peer[Symbol.asyncIterator]()
    const heard = new Promise(resolve => peer.on('message', text => text === 'b' && resolve()))
    for (const text of ['a', 'b']) service.pub(text)
    await heard
    await messages.next()
    return messages.next().catch(err => err)
  }, 'ERR_MESSAGES_LIMIT', []],
  ERR_REPLY_INVALID: [async stage => asked(stage, (await rawServer(stage, async raw => {
    const [rid] = JSON.parse((await raw.next()).text)
    raw.send(frame(TEXT, JSON.stringify([rid, Array(9000).fill(1), null])))
  })).dest), 'ERR_REPLY_INVALID', ['key', 'dest']],
  ERR_NESTING_LIMIT: [async stage => asked(stage, (await stage.serve(native)).dest, {}, {}, DEEP), 'ERR_NESTING_LIMIT', ['key', 'dest']],
  '<status> <text>': [looked(fail(404, '')), 404, ['key', 'grape']],
  ERR_MEMORY_BUDGET: [made({ message: 'ERR_MEMORY_BUDGET', code: 'ERR_MEMORY_BUDGET' }), 'ERR_MEMORY_BUDGET', []],
  ERR_STREAMS_UNSUPPORTED: [async stage => {
    const [err] = await once(stage.client(native, '127.0.0.1:1').stream('k', {}), 'error')
    return err
  }, 'ERR_STREAMS_UNSUPPORTED', ['key']],
  ERR_PEER_INIT: [async stage => (await call(new native.PeerRPCClient(stage.link('127.0.0.1:1'), {}), 'request', 'k', 1, {})).err, 'ERR_PEER_INIT', ['key', 'hint']],
  ERR_MISSING_ARGS: [thrown(stage => startLink(stage, native, 'http://127.0.0.1:1').put()), 'ERR_MISSING_ARGS', ['hint']],
  'link.lookup must be a function': [async stage => {
    const peer = new native.PeerRPCClient({}, {})
    peer.init()
    stage.after(() => peer.stop())
    return (await call(peer, 'request', 'k', 1, {})).err
  }, 'ERR_INVALID_ARG_TYPE', ['key']],
  'ERR_DEST_INVALID: <dest>': [stage => asked(stage, 'nowhere'), 'ERR_DEST_INVALID', ['key', 'dest']],
  'getaddrinfo ENOTFOUND <host>': [made({ message: 'getaddrinfo ENOTFOUND a', code: 'ENOTFOUND', syscall: 'getaddrinfo' }), 'ENOTFOUND', []],
  'getaddrinfo EAI_AGAIN <host>': [made({ message: 'getaddrinfo EAI_AGAIN a', code: 'EAI_AGAIN', syscall: 'getaddrinfo' }), 'EAI_AGAIN', []],
  'connect ETIMEDOUT <address>': [made({ message: 'connect ETIMEDOUT 10.0.0.1:1', code: 'ETIMEDOUT', syscall: 'connect', address: '10.0.0.1', port: 1 }), 'ETIMEDOUT', []],
  'Opening handshake has timed out': [connecting([], { handshakeTimeout: 100 }), 'ERR_HANDSHAKE_TIMEOUT', ['key', 'dest']],
  'Unexpected server response: <status>': [connecting(['HTTP/1.1 403 Forbidden', 'Content-Length: 0']), 'ERR_UNEXPECTED_RESPONSE', ['key', 'dest', 'status', 'hint']],
  'Invalid Upgrade header': [connecting(SWITCH.filter(line => !/^Upgrade/.test(line))), 'ERR_HANDSHAKE', ['key', 'dest']],
  'Invalid Connection header': [connecting([...SWITCH.filter(line => !/^Connection/.test(line)), 'Sec-WebSocket-Accept: ACCEPT']), 'ERR_HANDSHAKE', ['key', 'dest']],
  'Invalid Sec-WebSocket-Accept header': [connecting([...SWITCH, 'Sec-WebSocket-Accept: mine']), 'ERR_HANDSHAKE', ['key', 'dest']],
  'Invalid headers': [made({ message: 'Invalid headers' }), 'ERR_HANDSHAKE', []],
  'Header overflow': [made({ message: 'Header overflow' }), 'ERR_HANDSHAKE', []],
  'Parse Error: <why>': [connecting(['no HTTP at all']), 'ERR_HANDSHAKE', ['key', 'dest']],
  'socket hang up': [connecting(null), 'ECONNRESET', ['key', 'dest', 'hint']],
  'Server sent a subprotocol but none was requested': [
    connecting([...SWITCH, 'Sec-WebSocket-Accept: ACCEPT', 'Sec-WebSocket-Protocol: mine']), 'ERR_HANDSHAKE', ['key', 'dest']
  ],
  'Server sent an extension but none was requested': [
    connecting([...SWITCH, 'Sec-WebSocket-Accept: ACCEPT', 'Sec-WebSocket-Extensions: mine']), 'ERR_HANDSHAKE', ['key', 'dest']
  ],
  ERR_HEARTBEAT: [made({ message: 'ERR_HEARTBEAT' }), 'ERR_HEARTBEAT', []],
  ERR_NATIVE_PANIC: [made({ message: 'ERR_NATIVE_PANIC' }), 'ERR_NATIVE_PANIC', []],
  'Max payload size exceeded': [async stage => {
    const service = await stage.serve(native, undefined, { maxPayload: 1000 })
    return (await asked(stage, service.dest, {}, {}, 'x'.repeat(1001))).cause
  }, 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', ['dest', 'closeCode', 'limit', 'hint']],
  'Invalid WebSocket frame: <why>': [async stage => {
    const { dest } = await rawServer(stage, async raw => {
      await raw.next()
      raw.send(frame(TEXT, 'masked', { masked: true }))
    })
    const err = await asked(stage, dest)
    assert.strictEqual(err.message, 'ERR_TRANSPORT_CLOSE')
    return err.cause
  }, 'WS_ERR_UNEXPECTED_MASK', []],
  'WebSocket is not open: readyState 0 (CONNECTING)': [inState(socket => socket.send('a')), 'ERR_SOCKET_STATE', []],
  'WebSocket is not open: readyState <n> (<state>)': [async stage => {
    const { socket } = await opened(stage)
    socket.close()
    return new Promise(resolve => socket.send('a', resolve))
  }, 'ERR_SOCKET_STATE', []],
  'WebSocket was closed before the connection was established': [async stage => {
    const transport = stage.client(native, (await stage.serve(native)).dest).transport('127.0.0.1:1')
    transport.connect()
    const { socket } = transport
    const error = once(socket, 'error')
    socket.close()
    return (await error)[0]
  }, 'ERR_SOCKET_CLOSED', []],
  // It depends on how fast each driver writes.
  'WebSocket was closed before the data was written': [() => ({ code: codeOf('WebSocket was closed before the data was written') }), 'ERR_SOCKET_CLOSED', []],
  'The data size must not be greater than 125 bytes': [thrown(async stage => (await opened(stage)).socket.ping('a'.repeat(126))), 'ERR_OUT_OF_RANGE', []],
  'First argument must be a valid error code number': [thrown(async stage => (await opened(stage)).socket.close(5)), 'ERR_INVALID_ARG_VALUE', []],
  'The message must not be greater than 123 bytes': [thrown(async stage => (await opened(stage)).socket.close(1000, 'a'.repeat(124))), 'ERR_OUT_OF_RANGE', []],
  'port must be an Integer': [thrown(stage => stage.publisher(native).then(service => service.listen('a'))), 'ERR_ASSERTION', []],
  'options.port should be >= 0 and < 65536. Received type <type> (<port>).': [
    thrown(stage => stage.publisher(native).then(service => service.listen(65536))), 'ERR_SOCKET_BAD_PORT', []
  ],
  'the handlers must be functions, by key': [thrown(async stage => (await stage.serve(native)).handle({ k: 1 })), 'ERR_ASSERTION', []],
  'the handler must be a function, or null': [thrown(async stage => (await stage.serve(native)).handle('k')), 'ERR_ASSERTION', []],
  'conf.secure.key must be a Buffer': [stage => asked(stage, '127.0.0.1:1', { secure: {} }), 'ERR_ASSERTION', []],
  'conf.secure.cert must be a Buffer': [stage => asked(stage, '127.0.0.1:1', { secure: { key: Buffer.from('') } }), 'ERR_ASSERTION', []],
  'conf.secure.ca must be a Buffer': [stage => asked(stage, '127.0.0.1:1', { secure: { key: Buffer.from(''), cert: Buffer.from('') } }), 'ERR_ASSERTION', []],
  'conf.secure.verify must be a function': [thrown(stage => stage.serve(native, undefined, {
    secure: { key: Buffer.from(''), cert: Buffer.from(''), ca: Buffer.from('') }
  })), 'ERR_ASSERTION', ['hint']],
  'ERR_IO_UNKNOWN: <io> (libuv or tokio)': [() => ({ code: codeOf('ERR_IO_UNKNOWN: a (libuv or tokio)') }), 'ERR_IO_UNKNOWN', []],
  'ERR_IO_UNAVAILABLE: libuv': [() => ({ code: codeOf('ERR_IO_UNAVAILABLE: libuv') }), 'ERR_IO_UNAVAILABLE', []],
  'ERR_GRAPE_URL: <url>': [async stage => (await call(startLink(stage, native, 'http://'), 'lookup', 'k')).err, 'ERR_GRAPE_URL', ['key', 'grape']],
  'ERR_GRAPE_URL: <url><hint>': [async stage => (await call(startLink(stage, native, '127.0.0.1:1'), 'lookup', 'k')).err, 'ERR_GRAPE_URL', ['key', 'grape']],
  'ERR_GRAPE_ANSWER: what answers at <grape> is no grape': [() => ({ code: codeOf('ERR_GRAPE_ANSWER: what answers at http://a is no grape') }), 'ERR_GRAPE_ANSWER', []],
  ERR_GRAPE_REDIRECTS: [looked(({ url }, res) => {
    res.writeHead(307, { location: url })
    res.end()
  }), 'ERR_GRAPE_REDIRECTS', ['key', 'grape']],
  'length limit exceeded': [looked(() => 'x'.repeat(2 ** 20 + 1)), 'ERR_GRAPE_ANSWER_SIZE', ['key', 'grape']],
  ERR_NO_PORT: [async () => (await call(new native.Grape({}), 'start')).err, 'ERR_NO_PORT', ['hint']],
  ERR_GRAPE_STOPPED: [async () => (await call(new native.Grape({ api_port: 0 }), 'lookup', 'k')).err, 'ERR_GRAPE_STOPPED', []],
  'ERR_GRAPE_FOREIGN: user <uid> has port <port>': [() => require('../../lib/errors/errors').foreignGrape(1, 2), 'ERR_GRAPE_FOREIGN', []],
  'ERR_GRAPE_FOREIGN: no grape has port <port>': [async stage => {
    const server = http.createServer((req, res) => res.end('no grape')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    stage.after(() => {
      server.close()
      server.closeAllConnections()
    })
    const { port } = server.address()
    const link = new native.Link({ grape: 'embedded', grapePort: port }).start()
    link.on('error', () => {})
    stage.after(() => link.stop())
    return (await call(link, 'lookup', 'k')).err
  }, 'ERR_GRAPE_FOREIGN', ['key', 'grape']]
}

/** Rows of errors whose texts are a grape's: their codes are statuses, or the texts' own. */
const isGrapes = ({ headers }) => headers.includes('Status')
const TABLE = rows().filter(({ kind, section, ...row }) => kind === 'Error' && !isGrapes(row)).flatMap(({ codes }) => codes)

test('each error of the table has its case, and no other', () => {
  assert.deepStrictEqual(TABLE.filter(text => CASES[text] === undefined), [])
  assert.deepStrictEqual(Object.keys(CASES).filter(text => !TABLE.includes(text)), [])
})

for (const [text, [make, code, has]] of Object.entries(CASES)) {
  test(`the error ${text}`, async t => {
    const stage = new Stage(t)
    const err = await limited(Promise.resolve(make(stage)), text)
    assert.strictEqual(err.code, code)
    for (const name of has) {
      assert.notStrictEqual(err[name], undefined, name)
      // Seen by nobody but who prints it.
      assert.ok(!Object.keys(err).includes(name), name)
    }
    if (err.message === undefined) return
    const begin = text.split('<')[0]
    assert.ok(err.message.startsWith(begin), `${err.message} begins with ${begin}`)
    const printed = [inspect(err), inspect(err, { customInspect: false }), err.stack]
    // Node's own class for an abort has a stack of its own.
    if (err.name === 'AbortError') return
    for (const name of has) {
      const value = name === 'hint' ? err.hint : inspect(err[name])
      for (const form of printed) assert.ok(form.includes(value), `${form} has ${name} ${value}`)
    }
  })
}

test('each code of the tables is said once, and begins as codes do', () => {
  const all = rows().filter(({ kind }) => kind === 'Code').flatMap(({ codes }) => codes)
  for (const code of all) assert.match(code, /^(ERR_[A-Z0-9_]+|E[A-Z0-9_]+|ABORT_ERR)(: .*)?$/)
  assert.strictEqual(new Set(all).size, all.length)
})

test('what an error may know is documented, and typed', () => {
  const page = rows().filter(({ kind }) => kind === 'Of an Error').flatMap(({ codes }) => codes)
  assert.deepStrictEqual(page.filter(name => name !== 'cause').sort(), [...NAMES].sort())
})

test('a dead destination is equal for all, but for what each asked', async t => {
  const stage = new Stage(t)
  const dest = `127.0.0.1:${await freePort()}`
  const peer = stage.client(native, dest)
  const keys = ['a', 'b', 'a', 'c']
  const errors = await Promise.all(keys.map(key => call(peer, 'request', key, 1, {})))
  assert.deepStrictEqual(errors.map(({ err }) => err.key), keys)
  for (const { err } of errors) assert.deepStrictEqual(err, errors[0].err)
})
