'use strict'

// The well-behaved peers: a server, a publisher and a grape for the targets that send requests, and
// a peer of each kind that sends requests to the targets.

const { once } = require('events')
const http = require('http')
const { begin, count, loaded, secureOf, wait, what } = require('./target')
const { TIMEOUT, witness } = require('./good')

const { Grape, PeerPub, PeerRPCClient, PeerRPCServer, PeerSub } = loaded

const HOST = '127.0.0.1'
/** Interval of announces, which expire, in ms. */
const ANNOUNCE = 5000

const linkTo = (...dests) => ({ lookup: (key, opts, cb) => cb(null, dests) })

function peerOf (Peer, ...args) {
  const peer = new Peer(...args)
  peer.init()
  return peer
}

const service = peerOf(PeerRPCServer, linkTo(), { host: HOST }).transport('server').listen(0)
service.on('request', (rid, key, payload, handler) => handler.reply(null, payload))

const news = peerOf(PeerPub, linkTo(), { host: HOST }).transport('server').listen(0)
const timer = setInterval(() => news.pub('news'), 50)

/** Running loops, and the peers that they use. */
const loops = []
const asking = []

function watchServer (name, pid, port, key, secure) {
  const peer = peerOf(PeerRPCClient, linkTo(`${HOST}:${port}`), { maxActiveDestTransports: 1, ...(secure && { secure }) })
  asking.push(peer)
  loops.push(witness(name, pid, async at => await peer.request(key, at, { timeout: TIMEOUT, retry: 1 }) === at, () => JSON.stringify(peer.stats())))
}

function watchPublisher (name, pid, port) {
  const peer = peerOf(PeerSub, linkTo(`${HOST}:${port}`), { reconnect: true })
  asking.push(peer)
  peer.sub('key')
  loops.push(witness(name, pid, async () => {
    await once(peer, 'message')
    return true
  }))
}

/**
 * How often a grape is tried that has too many other connections of its own machine, and the ms
 * between tries.
 */
const TRIES = 5
const PAUSE = 200

/**
 * Sends a request to a grape by HTTP, over a connection of its own, and resolves with the result.
 * In a crowd the grape closes connections whose request it has not read, and replies to the oldest
 * lookups that it is busy: then it is tried again, as callers do.
 */
async function exchange (...what) {
  for (let left = TRIES; ; left--) {
    const { status, text } = await exchangeOnce(...what).catch(err => {
      if (err.code !== 'ECONNRESET') throw err
      return { status: 503, text: err.message }
    })
    if (status === 200) return JSON.parse(text)
    if (status !== 503 || left === 1) throw new Error(`${status} ${text}`)
    count('busy')
    await wait(PAUSE)
  }
}

function exchangeOnce (port, method, path, body) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: HOST, port, path, method, agent: false }, answer => {
      let text = ''
      answer.setEncoding('utf8').on('data', part => { text += part })
      answer.on('end', () => resolve({ status: answer.statusCode, text }))
      answer.on('error', reject)
    })
    request.on('error', reject)
    request.end(body)
  })
}

const METHODS = {
  /** Sends requests to servers as long as they run: `ports` by name. */
  server (name, pid, ports) {
    for (const [door, key] of [['echo', 'echo'], ['handlers', 'sync'], ['replaced', 'echo']]) watchServer(`${name}, ${door}`, pid, ports[door], key)
    watchServer(`${name}, tls`, pid, ports.tls, 'echo', secureOf(what.secure))
  },
  pub (name, pid, ports) {
    for (const [door, port] of Object.entries(ports)) watchPublisher(`${name}, ${door}`, pid, port)
  },
  grape (name, pid, { api }) {
    loops.push(witness(name, pid, async () => {
      const found = await exchange(api, 'POST', '/lookup', '{"data":"good"}')
      if (!Array.isArray(found)) throw new Error(`found ${JSON.stringify(found)}`)
      return true
    }))
    loops.push(witness(`${name}, status`, pid, async () => typeof await exchange(api, 'GET', '/status') === 'object'))
  },
  /** The target is about to be stopped. */
  async leave () {
    await Promise.all(loops.splice(0).map(stop => stop()))
    for (const peer of asking.splice(0)) peer.stop()
  }
}

/** A grape that accepts announces without knowing others, since it has an address. */
function grapeOf () {
  const grape = new Grape({ host: HOST, api_port: 0, dht_port: 0 })
  return new Promise((resolve, reject) => grape.start(err => err ? reject(err) : resolve(grape)))
}

async function main () {
  // One for links, and one that the attacked grape knows: strangers can find that one too.
  const [grape, partner] = await Promise.all([grapeOf(), grapeOf()])
  const announce = () => grape.announce('good', service.port, () => {})
  const again = setInterval(announce, ANNOUNCE)
  announce()
  begin({
    pid: process.pid,
    server: `${HOST}:${service.port}`,
    pub: `${HOST}:${news.port}`,
    grape: `http://${grape.address().api}`,
    dht: partner.address().dht
  }, {
    watch: (role, name, pid, ports) => METHODS[role](name, pid, ports),
    leave: METHODS.leave,
    async stop () {
      await METHODS.leave()
      clearInterval(timer)
      clearInterval(again)
      for (const { client } of [service, news]) client.stop()
      for (const each of [grape, partner]) each.stop()
    }
  })
}

main()
