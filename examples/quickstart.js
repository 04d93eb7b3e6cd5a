'use strict'

// A server and a client, each in a process of its own, that find each other through the grape of
// the first of them: one request with its reply, then as many as possible in three seconds.
//
//   npm run quickstart

const { fork } = require('child_process')
const { once } = require('events')
const path = require('path')
const { PeerRPCClient, PeerRPCServer, Link } = require('..')

const KEY = 'rpc_test'
const IN_FLIGHT = 64
const SECONDS = 3

function serve () {
  const link = new Link({ grape: 'embedded' }).start()
  const peer = new PeerRPCServer(link, {})
  peer.init()
  const service = peer.transport('server').listen(0)
  service.on('request', (rid, key, payload, handler) => handler.reply(null, 'world'))
  link.startAnnouncing(KEY, service.port, {}, err => {
    if (err) throw err
    process.send({ port: service.port })
  })
}

function ask () {
  const link = new Link({ grape: 'embedded' }).start()
  const peer = new PeerRPCClient(link, {})
  peer.init()
  peer.request(KEY, 'hello', { timeout: 10000 }, (err, answer) => {
    if (err) throw err
    process.send({ answer })

    const end = Date.now() + SECONDS * 1000
    let answered = 0
    let open = 0
    const send = () => {
      open++
      peer.request(KEY, 'hello', { timeout: 10000 }, err => {
        if (err) throw err
        answered++
        open--
        if (Date.now() < end) return send()
        if (open === 0) {
          process.send({ rate: Math.round(answered / SECONDS) })
          peer.stop()
          link.stop()
          process.disconnect()
        }
      })
    }
    for (let i = 0; i < IN_FLIGHT; i++) send()
  })
}

const children = []

/** Starts a process and waits for its first message. */
async function start (file, ...args) {
  const child = fork(file, args)
  children.push(child)
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`${path.basename(file)} ${args[0] || ''} ended with ${code}`)
  })
  failed.catch(() => {})
  const [message] = await Promise.race([once(child, 'message'), failed])
  return { child, message }
}

async function main () {
  const server = await start(__filename, 'server')
  console.log(`the service ${KEY} is announced at port ${server.message.port}`)
  const client = await start(__filename, 'client')
  console.log(`asked 'hello', answered '${client.message.answer}'`)
  const [{ rate }] = await once(client.child, 'message')
  console.log(`${rate.toLocaleString('en')} requests a second, ${IN_FLIGHT} at a time`)
}

const [role] = process.argv.slice(2)
if (role === 'server') serve()
else if (role === 'client') ask()
else {
  main()
    .catch(err => {
      console.error(err)
      process.exitCode = 1
    })
    .finally(() => {
      for (const child of children) child.kill()
    })
}
