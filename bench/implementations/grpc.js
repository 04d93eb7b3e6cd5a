'use strict'

// @grpc/grpc-js with JSON messages, so that it carries the same data as the others.

const grpc = require('@grpc/grpc-js')
const { sleep } = require('../lib/sleep')

/** Seconds until all streams have begun. */
const SETTLE = 0.5

const json = {
  write: value => Buffer.from(JSON.stringify(value)),
  read: bytes => JSON.parse(bytes)
}

const method = (path, responseStream) => ({
  path,
  requestStream: false,
  responseStream,
  requestSerialize: json.write,
  requestDeserialize: json.read,
  responseSerialize: json.write,
  responseDeserialize: json.read
})

const SERVICE = { echo: method('/bench/echo', false), news: method('/bench/news', true) }
const OPTIONS = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 }

function listen (port, actions) {
  const server = new grpc.Server(OPTIONS)
  server.addService(SERVICE, actions)
  return new Promise((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), err => err ? reject(err) : resolve())
  })
}

async function open ({ port }) {
  const Client = grpc.makeGenericClientConstructor(SERVICE, 'bench')
  const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), OPTIONS)
  await new Promise((resolve, reject) => client.waitForReady(Date.now() + 10000, err => err ? reject(err) : resolve()))
  return client
}

const serve = ({ port }) => listen(port, {
  echo: (call, cb) => cb(null, call.request),
  news: () => {}
})

async function connect (what) {
  const client = await open(what)
  return (payload, cb) => client.echo(payload, cb)
}

async function publisher ({ port }) {
  const calls = []
  await listen(port, { echo: () => {}, news: call => calls.push(call) })
  let bytes
  return {
    publish (text) {
      bytes = text.length
      for (const call of calls) call.write(text)
    },
    behind: () => calls[0].writableLength * bytes
  }
}

async function subscribe (what, count, onMessage) {
  const client = await open(what)
  for (let i = 0; i < count; i++) client.news({}).on('data', onMessage)
  // A stream gives no sign before its first message.
  await sleep(SETTLE)
}

module.exports = { connect, publisher, serve, subscribe }
