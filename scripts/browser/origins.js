'use strict'

// `npm run test:browser`: pages in headless Chromium connect to services on this machine. A page
// that the machine serves itself is accepted; one of a foreign origin is rejected, and so is one
// without an origin.

const assert = require('assert')
const { once } = require('events')
const http = require('http')
const { PeerPub, PeerRPCServer } = require('../..')
const { launch } = require('./chromium')

const LIMIT = 60000
/** A name that Chromium resolves to this machine. */
const FOREIGN = 'foreign.example'

/** The foreign name resolves to this machine too. */
const FLAGS = ['--disable-features=LocalNetworkAccessChecks', `--host-resolver-rules=MAP ${FOREIGN} 127.0.0.1`]

/** Connects to each port, and reports the results to its server. */
const script = (ports, tell) => `
  const reach = port => new Promise(resolve => {
    const socket = new WebSocket('ws://127.0.0.1:' + port + '/ws')
    socket.onopen = () => { resolve('open'); socket.close() }
    socket.onerror = () => resolve('refused')
  })
  Promise.all(${JSON.stringify(ports)}.map(reach)).then(results => ${tell})`

function page (ports) {
  const own = script(ports, "fetch('/said/page/' + results)")
  const inner = script(ports, "parent.postMessage(results.join(), '*')")
  return `<!doctype html><script>${own}
    onmessage = ({ data }) => fetch('/said/frame/' + data)
  </script><iframe sandbox="allow-scripts" srcdoc="<script>${inner.replace(/"/g, '&quot;')}</script>"></iframe>`
}

function listen (Peer, conf) {
  const peer = new Peer({}, { host: '127.0.0.1', ...conf })
  peer.init()
  return { peer, port: peer.transport('server').listen(0).port }
}

/** Resolves with the report of the page of `host`, and of the frame in it. */
async function visit (host, ports) {
  const said = {}
  let done
  const all = new Promise(resolve => { done = resolve })
  const server = http.createServer(({ url }, res) => {
    const [, who, results] = /^\/said\/(\w+)\/(.*)/.exec(url) || []
    if (who) said[who] = results.split(',')
    res.setHeader('Content-Type', 'text/html')
    res.end(who ? '' : page(ports))
    if (said.page && said.frame) done()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { stop } = launch([...FLAGS, `http://${host}:${server.address().port}/`])
  let timer
  try {
    await Promise.race([all, new Promise((resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`the page of ${host} said only ${JSON.stringify(said)}`)), LIMIT)
    })])
    return said
  } finally {
    clearTimeout(timer)
    await stop()
    server.closeAllConnections()
    server.close()
  }
}

async function main () {
  const services = [listen(PeerRPCServer), listen(PeerPub), listen(PeerRPCServer, { origins: '*' })]
  const ports = services.map(({ port }) => port)
  try {
    // A frame in a sandbox has the origin `null`.
    const frame = ['refused', 'refused', 'open']
    for (const host of ['localhost', '127.0.0.1']) {
      assert.deepStrictEqual(await visit(host, ports), { page: ['open', 'open', 'open'], frame })
    }
    assert.deepStrictEqual(await visit(FOREIGN, ports), { page: ['refused', 'refused', 'open'], frame })
  } finally {
    for (const { peer } of services) peer.stop()
  }
  console.log('3 pages passed')
}

main().catch(err => {
  console.error(err)
  process.exit(1)
})
