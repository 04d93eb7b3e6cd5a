'use strict'

// What services read of the TCP socket below a connection, and of its request.

const assert = require('node:assert')
const { once } = require('events')
const { finished } = require('stream')
const { pair } = require('../helpers/conformance')
const { clientOf, connectionOf } = require('../helpers/peers/hooks')

pair('C478: the state of the TCP socket below a connection', async ({ server, client, stage }) => {
  const service = await stage.serve(server)
  const transport = clientOf(stage, client, service)
  const [theirs] = await connectionOf(service, transport)
  if (!transport.isConnected()) await once(transport.socket, 'open')
  const below = [theirs._socket, transport.socket._socket]
  const states = () => below.map(({ readable, writable, writableEnded, destroyed }) => ({ readable, writable, writableEnded, destroyed }))
  const open = { readable: true, writable: true, writableEnded: false, destroyed: false }
  assert.deepStrictEqual(states(), [open, open])
  for (const { writableLength, bufferSize } of below) assert.deepStrictEqual([writableLength, bufferSize], [0, 0])
  const closed = Promise.all(below.map(one => once(one, 'close')))
  theirs.close()
  await closed
  for (const { readable, writable, destroyed } of states()) assert.deepStrictEqual([readable, writable, destroyed], [false, false, true])
})

pair('C478: the request of a connection is like Node\'s', async ({ server, client, stage }) => {
  const service = await stage.serve(server)
  const [theirs, request] = await connectionOf(service, clientOf(stage, client, service))
  for (const method of ['on', 'once', 'off', 'removeListener']) assert.strictEqual(request[method]('close', () => {}), request)
  assert.strictEqual(request.client, theirs._socket)
  const { httpVersionMajor, httpVersionMinor, upgrade, aborted } = request
  assert.deepStrictEqual({ httpVersionMajor, httpVersionMinor, upgrade, aborted }, { httpVersionMajor: 1, httpVersionMinor: 1, upgrade: true, aborted: false })
  // Node 18.3 and newer.
  assert.deepStrictEqual([...request.headersDistinct.upgrade], ['websocket'])
  assert.deepStrictEqual([...request.headersDistinct.host], [request.headers.host])
})

pair('C523: corking, and what a TCP socket says of writing', async ({ server, client, stage }) => {
  const service = await stage.serve(server)
  const transport = clientOf(stage, client, service)
  const [theirs] = await connectionOf(service, transport)
  const below = theirs._socket
  below.cork()
  theirs.send('text')
  below.uncork()
  const { writableNeedDrain, writableFinished, writableHighWaterMark } = below
  assert.deepStrictEqual([writableNeedDrain, writableFinished], [false, false])
  assert(writableHighWaterMark > 0)
  for (const name of ['destroySoon', 'resetAndDestroy']) assert.strictEqual(typeof below[name], 'function')
  const closed = once(below, 'close')
  below.destroySoon()
  await closed
})

pair('C524: end of a TCP socket, and stream.finished of it', async ({ server, client, stage }) => {
  const service = await stage.serve(server)
  const transport = clientOf(stage, client, service)
  const [theirs] = await connectionOf(service, transport)
  if (!transport.isConnected()) await once(transport.socket, 'open')
  const below = theirs._socket
  const heard = []
  below.on('end', () => heard.push('end'))
  below.on('drain', () => {})
  const over = new Promise((resolve, reject) => finished(below, err => err ? reject(err) : resolve()))
  const closed = once(below, 'close')
  transport.socket.close()
  await Promise.all([over, closed])
  assert.deepStrictEqual(heard, ['end'])
})
