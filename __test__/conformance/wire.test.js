'use strict'

// What RPC peers say to each other, frame by frame.

const assert = require('node:assert')
const { once } = require('events')
const http = require('http')
const Ws = require('ws')
const { certificates } = require('../../scripts/lib/certificates')
const { call, each, pair } = require('../helpers/conformance')
const { exchange, otherClient, otherServer } = require('../helpers/wire/other-end')

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** A server that notes the frames that come and answers each with its payload. */
async function noting (stage) {
  const frames = []
  const dest = await otherServer(stage, socket => socket.on('message', frame => {
    frames.push(frame)
    const [rid, , payload] = JSON.parse(frame)
    socket.send(JSON.stringify([rid, null, payload]))
  }))
  return { dest, frames }
}

/** A server that notes the arguments of each request, and its raw client. */
async function asked (stage, implementation) {
  const requests = []
  const service = await stage.serve(implementation, (rid, key, payload, handler) => {
    requests.push({ rid, key, payload })
    handler.reply(null, 'seen')
  })
  const socket = await otherClient(stage, `ws://${service.dest}/ws`)
  return { requests, service, socket }
}

/** Strings that are their own JSON between quotes, that need escapes, and that only escapes can say. */
const STRINGS = [
  '', 'text', 'äöü 你好 🦀 \u2028', '"quoted" \\ \b\t\n\f\r\u0000\u001f\u007f', '1234567"', '12345678\\9',
  '\ufffd', '\ud800', 'a\udc00b', '\udc00\ud800', 'x'.repeat(20000), 'ü"'.repeat(20000)
]

each('C15: a request is a text frame of rid, key and payload', async ({ implementation, stage }) => {
  const { dest, frames } = await noting(stage)
  const peer = stage.client(implementation, dest)
  const payloads = [{ a: [1, 'ü'] }, 5, null, [], true, ...STRINGS]
  for (const payload of payloads) {
    const { err, res } = await call(peer, 'request', 'the:key', payload, {})
    assert.ifError(err)
    assert.deepStrictEqual(res, payload)
    const frame = frames.pop()
    const [rid] = JSON.parse(frame)
    // ws hands over a text frame as a string, and a binary one as a Buffer.
    assert.strictEqual(frame, JSON.stringify([rid, 'the:key', payload]))
  }
})

each('C16: a reply is a text frame of rid, error message and result', async ({ implementation, stage }) => {
  const answers = { ok: [null, { b: ['ö'] }], no: [new Error('no'), undefined], both: [new Error('but'), 2] }
  const service = await stage.serve(implementation, (rid, key, payload, handler) => handler.reply(...answers[payload]))
  const socket = await otherClient(stage, `ws://${service.dest}/ws`)
  assert.strictEqual(await exchange(socket, '["1","k","ok"]'), '["1",null,{"b":["ö"]}]')
  assert.strictEqual(await exchange(socket, '["2","k","no"]'), '["2","no",null]')
  assert.strictEqual(await exchange(socket, '["3","k","both"]'), '["3","but",2]')
})

each('C16: a string is answered as JSON says it', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation, (rid, key, payload, handler) => handler.reply(null, payload))
  const socket = await otherClient(stage, `ws://${service.dest}/ws`)
  for (const string of STRINGS) {
    // As an id too: the other side chooses it.
    const [rid, text] = [string.slice(0, 100), JSON.stringify(string)]
    const answer = await exchange(socket, `[${JSON.stringify(rid)},"k",${text}]`)
    assert.strictEqual(answer, `[${JSON.stringify(rid)},null,${text}]`)
  }
})

each('C17: each request has a fresh lower-case UUID v4', async ({ implementation, stage }) => {
  const { dest, frames } = await noting(stage)
  const peer = stage.client(implementation, dest)
  const answers = await Promise.all(Array.from({ length: 200 }, () => call(peer, 'request', 'k', 1, {})))
  for (const { err } of answers) assert.ifError(err)
  const rids = frames.map(frame => JSON.parse(frame)[0])
  for (const rid of rids) assert.match(rid, UUID_V4)
  assert.strictEqual(new Set(rids).size, 200)
  // Logs shorten them.
  for (const part of [rid => rid.slice(0, 8), rid => rid.slice(-8)]) assert.strictEqual(new Set(rids.map(part)).size, 200)
})

/** The upgrade request of a client, after a request over it was answered. */
async function upgradeOf (stage, implementation, secure) {
  let request
  let connection
  const dest = await otherServer(stage, (socket, req) => {
    request = req
    connection = socket
    socket.on('message', frame => socket.send(JSON.stringify([JSON.parse(frame)[0], null, 'done'])))
  }, secure && secure.server)
  const peer = stage.client(implementation, dest, secure ? { secure: secure.client } : {})
  assert.deepStrictEqual(await call(peer, 'request', 'k', 1, {}), { err: null, res: 'done' })
  const [{ socket }] = peer.tpool.list(dest)
  return { dest, request, connection, socket }
}

each('C18: a client opens ws://<dest>/ws', async ({ implementation, stage }) => {
  const { dest, request, socket } = await upgradeOf(stage, implementation)
  assert.strictEqual(request.method, 'GET')
  assert.strictEqual(request.url, '/ws')
  assert.strictEqual(request.headers.host, dest)
  assert.strictEqual(request.headers.upgrade, 'websocket')
  assert.strictEqual(request.headers['sec-websocket-version'], '13')
  assert.strictEqual(socket.url, `ws://${dest}/ws`)
})

each('C18: a client with conf.secure opens wss://<dest>/ws', async ({ implementation, stage }) => {
  const { dest, request, socket } = await upgradeOf(stage, implementation, certificates())
  assert.strictEqual(request.url, '/ws')
  assert.strictEqual(request.headers.host, dest)
  assert.strictEqual(request.socket.encrypted, true)
  assert.strictEqual(socket.url, `wss://${dest}/ws`)
})

each('C19: a client asks for no subprotocol, and gets neither one nor compression', async ({ implementation, stage }) => {
  const { request, connection, socket } = await upgradeOf(stage, implementation)
  assert.strictEqual(request.headers['sec-websocket-protocol'], undefined)
  for (const side of [connection, socket]) {
    assert.strictEqual(side.protocol, '')
    assert.strictEqual(side.extensions, '')
  }
})

// The original offers a compression that its own server never takes.
each('C224: a client does not even offer compression', async ({ implementation, stage }) => {
  for (const secure of [undefined, certificates()]) {
    const { request } = await upgradeOf(stage, implementation, secure)
    assert.strictEqual(request.headers['sec-websocket-extensions'], undefined)
  }
}, { better: true })

each('C20: a server accepts an upgrade on any path', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  for (const path of ['/', '/ws', '/ws/', '/another/path', '/ws?query=1', '/%20', '']) {
    const socket = await otherClient(stage, `ws://${service.dest}${path}`)
    assert.strictEqual(await exchange(socket, '["1","k","hello"]'), '["1",null,"hello"]', path)
  }
})

each('C21: a server accepts a request in a binary frame', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const socket = await otherClient(stage, `ws://${service.dest}/`)
  const payload = { text: 'ü'.repeat(100), list: [1, null] }
  const request = Buffer.from(JSON.stringify(['1', 'k', payload]))
  assert.strictEqual(await exchange(socket, request), JSON.stringify(['1', null, payload]))
  const large = 'ü'.repeat(100000)
  assert.strictEqual(await exchange(socket, Buffer.from(JSON.stringify(['2', 'k', large]))), JSON.stringify(['2', null, large]))
})

each('C22: a server ignores what follows the payload', async ({ implementation, stage }) => {
  const { requests, socket } = await asked(stage, implementation)
  assert.strictEqual(await exchange(socket, '["1","k",{"a":1},"more",{"and":[2]}]'), '["1",null,"seen"]')
  assert.deepStrictEqual(requests, [{ rid: '1', key: 'k', payload: { a: 1 } }])
})

each('C22: a client ignores what follows the result', async ({ implementation, stage }) => {
  const dest = await otherServer(stage, socket => socket.on('message', frame => {
    const [rid, , error] = JSON.parse(frame)
    socket.send(JSON.stringify([rid, error, 'result', 'more', { and: [2] }]))
  }))
  const peer = stage.client(implementation, dest)
  assert.deepStrictEqual(await call(peer, 'request', 'k', null, {}), { err: null, res: 'result' })
  const { err, res } = await call(peer, 'request', 'k', 'no', {})
  assert.strictEqual(err.message, 'no')
  assert.strictEqual(res, 'result')
})

each('C23: a JSON number is a request of nothing', async ({ implementation, stage }) => {
  const { requests, socket } = await asked(stage, implementation)
  const nothing = { rid: undefined, key: undefined, payload: undefined }
  for (const frame of ['5', '-1.5', Buffer.from('7')]) {
    assert.strictEqual(await exchange(socket, frame), '[null,null,"seen"]')
    assert.deepStrictEqual(requests.pop(), nothing)
  }
})

each('C24: a JSON string is a request of its characters', async ({ implementation, stage }) => {
  const { requests, socket } = await asked(stage, implementation)
  assert.strictEqual(await exchange(socket, '"abc"'), '["a",null,"seen"]')
  assert.deepStrictEqual(requests.pop(), { rid: 'a', key: 'b', payload: 'c' })
  assert.strictEqual(await exchange(socket, '"xyz and more"'), '["x",null,"seen"]')
  assert.deepStrictEqual(requests.pop(), { rid: 'x', key: 'y', payload: 'z' })
  assert.strictEqual(await exchange(socket, '"q"'), '["q",null,"seen"]')
  assert.deepStrictEqual(requests.pop(), { rid: 'q', key: undefined, payload: undefined })
})

each('C25: a rid that is a number comes back as that number', async ({ implementation, stage }) => {
  const { requests, socket } = await asked(stage, implementation)
  for (const rid of [7, 0, -1, 2.5, 9007199254740991, 1e21]) {
    assert.strictEqual(await exchange(socket, `[${rid},"k",1]`), `[${rid},null,"seen"]`)
    assert.strictEqual(requests.pop().rid, rid)
  }
})

each('C26: a plain HTTP GET gets 426', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  for (const path of ['/', '/ws']) {
    const request = http.get(`http://${service.dest}${path}`, { agent: false })
    const [response] = await once(request, 'response')
    response.resume()
    assert.strictEqual(response.statusCode, 426)
    await once(response, 'end')
  }
})

/** A server that says a lot of which nothing is meant for a request, before it answers. */
const NOT_FOR_US = ['[null,null,"push"]', '["7b1c7a0e-unknown",null,"stranger"]', '["other","error"]', '[null]', '[]', '[5,null,1]']

function talkative (stage) {
  return otherServer(stage, socket => socket.on('message', frame => {
    for (const noise of NOT_FOR_US) socket.send(noise)
    socket.send(JSON.stringify([JSON.parse(frame)[0], null, 'answer']))
  }))
}

each('C27: a client ignores a frame whose rid is null or unknown', async ({ implementation, stage }) => {
  const dest = await talkative(stage)
  const peer = stage.client(implementation, dest, { maxActiveDestTransports: 1 })
  let calls = 0
  const first = await new Promise(resolve => peer.request('k', 1, {}, (err, res) => {
    calls++
    resolve({ err, res })
  }))
  assert.deepStrictEqual(first, { err: null, res: 'answer' })
  // The connection is as good as before, and nobody was called twice.
  assert.deepStrictEqual(await call(peer, 'request', 'k', 2, {}), { err: null, res: 'answer' })
  assert.strictEqual(calls, 1)
  assert.strictEqual(peer.tpool.list(dest).length, 1)
})

each('C28: raw listeners see the frames that a client ignores', async ({ implementation, stage }) => {
  const dest = await talkative(stage)
  const peer = stage.client(implementation, dest)
  const transport = peer.transport(dest)
  const seen = []
  const answered = call(transport, 'request', 'k', 1, {})
  transport.socket.on('message', frame => seen.push(frame))
  assert.deepStrictEqual(await answered, { err: null, res: 'answer' })
  assert.deepStrictEqual(seen.slice(0, NOT_FOR_US.length), NOT_FOR_US)
})

pair('C27 C28: a server may push, and listeners beside the peer get it', async ({ server, client, stage }) => {
  const service = await stage.serve(server)
  const connections = []
  service.socket.on('connection', socket => connections.push(socket))
  const peer = stage.client(client, service.dest)
  const transport = peer.transport(service.dest)
  assert.deepStrictEqual(await call(transport, 'request', 'k', 1, {}), { err: null, res: 1 })
  const pushed = once(transport.socket, 'message')
  connections[0].send('["pushed",null,{"news":true}]')
  assert.deepStrictEqual(await pushed, ['["pushed",null,{"news":true}]'])
  assert.strictEqual(transport.socket.readyState, Ws.OPEN)
  assert.deepStrictEqual(await call(transport, 'request', 'k', 2, {}), { err: null, res: 2 })
})
