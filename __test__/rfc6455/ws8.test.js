'use strict'

// The other way round: `ws` 8, which many services use beside this package, with our server and
// our client. It is strict about what it reads, so each message here also checks our frames.

const assert = require('node:assert')
const { once } = require('node:events')
const Ws = require('ws8')
const { call, each } = require('../helpers/conformance')
const { native } = require('../helpers/implementations')
const { closeOf, dial, fact } = require('../helpers/wire/wire')

const TEXTS = ['', 'a', 'ü', '\u{1f600}', 'x'.repeat(125), 'x'.repeat(126), 'ü'.repeat(40000), 'y'.repeat(300000)]
const BYTES = [0, 1, 125, 126, 65535, 65536, 300000].map(length => Buffer.alloc(length, 7))

/** A `ws` 8 client that never compresses unless the server agrees, which ours does not. */
async function client (stage, port, opts, protocols = []) {
  const socket = new Ws(`ws://127.0.0.1:${port}/ws`, protocols, opts)
  stage.after(() => socket.terminate())
  await once(socket, 'open')
  return socket
}

/** A `ws` 8 server, and one client of ours: `{ theirs, ours, request }`. */
async function server (stage, opts) {
  const face = new Ws.Server({ port: 0, host: '127.0.0.1', ...opts })
  stage.after(() => {
    for (const socket of face.clients) socket.terminate()
    face.close()
  })
  await once(face, 'listening')
  const connection = once(face, 'connection')
  const ours = dial(stage, `127.0.0.1:${face.address().port}`)
  const opened = once(ours.socket, 'open')
  const [theirs, request] = await connection
  await opened
  return { theirs, ours, request }
}

/** A server of ours, and one `ws` 8 client: `{ theirs, ours }`. */
async function pair (stage, opts, protocols) {
  const service = await stage.publisher(native)
  const accepted = once(service.socket, 'connection')
  const theirs = await client(stage, service.port, opts, protocols)
  const [ours] = await accepted
  return { theirs, ours }
}

const PAIRS = {
  'our server': pair,
  'our client': async stage => {
    const { theirs, ours } = await server(stage)
    return { theirs, ours: ours.socket }
  }
}

/** The next `count` messages, texts as strings. */
function messages (socket, count) {
  const got = []
  return new Promise(resolve => socket.on('message', (data, isBinary) => {
    // Ours gives strings, `ws` 8 says which it is.
    got.push(typeof data === 'string' || isBinary !== false ? data : data.toString())
    if (got.length === count) resolve(got)
  }))
}

for (const [name, start] of Object.entries(PAIRS)) {
  fact(`messages of all kinds and sizes, both ways [${name}]`, async stage => {
    const { theirs, ours } = await start(stage)
    const sent = [...TEXTS, ...BYTES]
    for (const [from, to] of [[theirs, ours], [ours, theirs]]) {
      const got = messages(to, sent.length)
      for (const one of sent) from.send(one)
      const all = await got
      all.forEach((one, at) => assert.ok(typeof one === 'string' ? one === sent[at] : one.equals(sent[at])))
    }
  })

  fact(`messages in fragments, with pings between them [${name}]`, async stage => {
    const { theirs, ours } = await start(stage)
    const got = messages(ours, 3)
    const pongs = []
    theirs.on('pong', data => pongs.push(data.toString()))
    theirs.send('Hel', { fin: false })
    theirs.ping('1')
    theirs.send('l', { fin: false })
    theirs.ping('2')
    theirs.send('o', { fin: true })
    theirs.send(Buffer.from([1]), { fin: false, binary: true })
    theirs.send(Buffer.alloc(0), { fin: true })
    theirs.send('whole')
    assert.deepStrictEqual(await got, ['Hello', Buffer.from([1]), 'whole'])
    while (pongs.length < 2) await once(theirs, 'pong')
    assert.deepStrictEqual(pongs, ['1', '2'])
  })

  fact(`pings and pongs, both ways [${name}]`, async stage => {
    const { theirs, ours } = await start(stage)
    for (const [from, to] of [[theirs, ours], [ours, theirs]]) {
      for (const data of ['', 'x', Buffer.alloc(125, 9)]) {
        const heard = Promise.all([once(to, 'ping'), once(from, 'pong')])
        from.ping(data)
        for (const [got] of await heard) assert.deepStrictEqual(got, Buffer.from(data))
      }
    }
  })

  for (const [code, reason] of [[1000, ''], [1001, 'going'], [1011, ''], [3000, 'ü'], [4999, 'x'.repeat(123)]]) {
    for (const who of ['theirs', 'ours']) {
      fact(`close with ${code} by ${who} [${name}]`, async stage => {
        const ends = await start(stage)
        const closed = Promise.all([closeOf(ends.theirs), closeOf(ends.ours)])
        ends[who].close(code, reason)
        for (const [got, why] of await closed) assert.deepStrictEqual([got, String(why)], [code, reason])
      })
    }
  }

  fact(`close without a code [${name}]`, async stage => {
    for (const who of ['theirs', 'ours']) {
      const ends = await start(stage)
      const closed = Promise.all([closeOf(ends.theirs), closeOf(ends.ours)])
      ends[who].close()
      for (const [got] of await closed) assert.strictEqual(got, 1005)
    }
  })

  fact(`terminate [${name}]`, async stage => {
    for (const who of ['theirs', 'ours']) {
      const ends = await start(stage)
      const closed = Promise.all([closeOf(ends.theirs), closeOf(ends.ours)])
      ends[who].terminate()
      for (const [got] of await closed) assert.strictEqual(got, 1006)
    }
  })

  fact(`a message that is no UTF-8 closes with 1007 [${name}]`, async stage => {
    const { theirs } = await start(stage)
    const closed = closeOf(theirs)
    theirs.send(Buffer.from([0xff]), { binary: false })
    assert.strictEqual((await closed)[0], 1007)
  })
}

fact('a client that offers compression and subprotocols gets no compression and the first subprotocol', async stage => {
  const { theirs, ours } = await pair(stage, { perMessageDeflate: true }, ['one', 'two'])
  assert.strictEqual(theirs.extensions, '')
  assert.strictEqual(theirs.protocol, 'one')
  const got = messages(ours, 1)
  theirs.send('z'.repeat(5000))
  assert.deepStrictEqual(await got, ['z'.repeat(5000)])
})

fact('a server that offers compression and chooses subprotocols is used without both', async stage => {
  const { theirs, ours, request } = await server(stage, { perMessageDeflate: true, handleProtocols: () => 'one' })
  assert.strictEqual(theirs.extensions, '')
  assert.strictEqual(theirs.protocol, '')
  assert.strictEqual(request.headers['sec-websocket-version'], '13')
  const got = messages(ours.socket, 1)
  theirs.send('z'.repeat(5000))
  assert.deepStrictEqual(await got, ['z'.repeat(5000)])
})

fact('a server that verifies clients may turn ours away', async stage => {
  const face = new Ws.Server({ port: 0, host: '127.0.0.1', verifyClient: () => false })
  stage.after(() => face.close())
  await once(face, 'listening')
  const ours = dial(stage, `127.0.0.1:${face.address().port}`)
  assert.deepStrictEqual(await ours.closed, [1006, ''])
  assert.strictEqual(ours.error.message, 'Unexpected server response: 401')
})

each('requests by a client of `ws` 8', async ({ implementation, stage }) => {
  const service = await stage.serve(implementation)
  const socket = await client(stage, service.port)
  const got = messages(socket, TEXTS.length)
  TEXTS.forEach((text, at) => socket.send(JSON.stringify([String(at), 'k', text])))
  assert.deepStrictEqual((await got).map(text => JSON.parse(text)), TEXTS.map((text, at) => [String(at), null, text]))
}, { better: true })

each('requests to a server of `ws` 8, with answers in fragments', async ({ implementation, stage }) => {
  const face = new Ws.Server({ port: 0, host: '127.0.0.1' })
  stage.after(() => face.close())
  face.on('connection', socket => socket.on('message', data => {
    const [rid, , payload] = JSON.parse(data)
    const answer = JSON.stringify([rid, null, payload])
    const cut = answer.length >> 1
    socket.send(answer.slice(0, cut), { fin: false })
    socket.ping()
    socket.send(answer.slice(cut), { fin: true })
  }))
  await once(face, 'listening')
  const peer = stage.client(implementation, `127.0.0.1:${face.address().port}`)
  const answers = await Promise.all(TEXTS.map(text => call(peer, 'request', 'k', text, {})))
  assert.deepStrictEqual(answers.map(({ res }) => res), TEXTS)
}, { better: true })
