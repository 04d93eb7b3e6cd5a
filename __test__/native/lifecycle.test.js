'use strict'

// When a process lives and how it ends, each in a process of its own.

const { test } = require('node:test')
const assert = require('node:assert')
const { execFile } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { promisify } = require('node:util')
const { run } = require('../../scripts/lib/child')
const { freePort } = require('../../scripts/lib/ports')

/** A server and a client that know each other, for scripts. */
const PEERS = `
const { PeerRPCServer, PeerRPCClient, Link } = require(pkg)
function serve () {
  const peer = new PeerRPCServer({}, {})
  peer.init()
  const service = peer.transport('server').listen(0)
  service.on('request', (rid, key, payload, handler) => handler.reply(null, payload))
  return { peer, service }
}
function client (port) {
  const peer = new PeerRPCClient({ lookup: (key, opts, cb) => cb(null, ['127.0.0.1:' + port]) }, {})
  peer.init()
  return peer
}
`

const ends = async (source, stdout = '') => {
  const result = await run(PEERS + source)
  assert.deepStrictEqual(result, { code: 0, signal: null, stdout, stderr: '' })
}

test('C8 C9: loading and constructing keep no process alive', () => ends(`
  new Link({ grape: 'http://127.0.0.1:1' })
  new PeerRPCServer({}, {})
  new PeerRPCClient({}, {})
`))

test('a process ends by itself after stop', () => ends(`
  const { peer: server, service } = serve()
  const caller = client(service.port)
  caller.request('k', 1, (err, res) => {
    console.log(err, res)
    caller.stop()
    server.stop()
  })
`, 'null 1\n'))

test('a process ends by itself after stop of transport and link', () => ends(`
  const link = new Link({ grape: 'http://127.0.0.1:1' }).start()
  const { service } = serve()
  setImmediate(() => {
    service.stop()
    link.stop()
  })
`))

const stays = async source => {
  const result = await run(`${PEERS}
    ${source}
    const timer = setTimeout(() => {
      console.log('alive')
      process.exit()
    }, 300)
    timer.unref()
  `)
  assert.strictEqual(result.stdout, 'alive\n', result.stderr)
}

test('C12: a listening server keeps the process alive', () => stays('serve()'))
test('C10: a started link keeps the process alive', () => stays('new Link({ grape: \'http://127.0.0.1:1\' }).start()'))
test('C11: an inited client keeps the process alive', () => stays('client(1)'))

test('process.exit() right after a reply', async () => {
  const { stdout, code } = await run(`${PEERS}
    const { fork } = require('child_process')
    if (process.argv[1] === 'server') {
      const { service } = serve()
      service.removeAllListeners('request')
      service.on('request', (rid, key, payload, handler) => {
        handler.reply(null, 'last')
        process.exit()
      })
      console.log(service.port)
    } else {
      const { spawn } = require('child_process')
      const child = spawn(process.execPath, ['-e', process.env.SCRIPT, 'server'], { stdio: ['ignore', 'pipe', 'inherit'] })
      child.stdout.once('data', port => {
        const caller = client(+port)
        caller.request('k', 1, (err, res) => {
          console.log(err, res)
          caller.stop()
        })
      })
    }
  `.replace(/process\.env\.SCRIPT/, 'process.execArgv[1]'))
  assert.deepStrictEqual({ stdout, code }, { stdout: 'null last\n', code: 0 })
})

test('a throwing callback loses no other reply', async () => {
  const { stdout, stderr, code } = await run(`${PEERS}
    const { peer: server, service } = serve()
    const caller = client(service.port)
    const got = []
    process.on('uncaughtException', err => got.push(err.message))
    for (let i = 0; i < 5; i++) {
      caller.request('k', i, (err, res) => {
        got.push(err || res)
        if (got.filter(Number.isInteger).length === 5) {
          setImmediate(() => {
            console.log(got.join())
            caller.stop()
            server.stop()
          })
        }
        if (res === 1) throw new Error('mine')
      })
    }
  `)
  assert.strictEqual(stderr, '')
  assert.deepStrictEqual(stdout.trim().split(',').sort(), ['0', '1', '2', '3', '4', 'mine'])
  assert.strictEqual(code, 0)
})

test('a throwing request handler is an uncaught exception, as everywhere', async () => {
  const { code, stderr } = await run(`${PEERS}
    const { service } = serve()
    service.on('request', () => { throw new Error('mine') })
    client(service.port).request('k', 1, () => {})
  `)
  assert.strictEqual(code, 1)
  assert.match(stderr, /Error: mine/)
})

test('C13: two copies of the package work together in one process', () => ends(`
  const path = require('path')
  const fs = require('fs')
  const os = require('os')
  const copy = fs.mkdtempSync(path.join(os.tmpdir(), 'grenache-copy-'))
  for (const name of fs.readdirSync(pkg)) {
    if (/^(lib|.*\\.js|.*\\.node|package\\.json)$/.test(name)) fs.cpSync(path.join(pkg, name), path.join(copy, name), { recursive: true })
  }
  const other = require(copy)
  if (other.PeerRPCClient === PeerRPCClient) throw new Error('not a copy')
  const { peer: server, service } = serve()
  const link = new other.Link({ grape: 'http://127.0.0.1:1' })
  link._post = (url, data, opts, cb) => cb(null, ['127.0.0.1:' + service.port])
  link.start()
  const theirs = new other.PeerRPCClient(link, {})
  theirs.init()
  const ours = new PeerRPCClient(link, {})
  ours.init()
  theirs.request('k', 1, (err, res) => {
    console.log(err, res)
    ours.request('k', 2, (err, res) => {
      console.log(err, res)
      for (const each of [theirs, ours, server, link]) each.stop()
      fs.rmSync(copy, { recursive: true })
    })
  })
`, 'null 1\nnull 2\n'))

test('workers start and end under traffic', () => ends(`
  const { Worker } = require('worker_threads')
  const source = ${JSON.stringify('const pkg = require("worker_threads").workerData')} + ${JSON.stringify(PEERS)} + \`
    const { parentPort } = require('worker_threads')
    const { service } = serve()
    const caller = client(service.port)
    let answered = 0
    const send = () => caller.request('k', { some: 'payload' }, err => {
      if (err) throw err
      if (++answered === 500) parentPort.postMessage('busy')
      send()
    })
    for (let i = 0; i < 32; i++) send()
  \`
  const once = (worker, event) => new Promise((resolve, reject) => {
    worker.once(event, resolve)
    worker.once('error', reject)
  })
  async function round () {
    const workers = Array.from({ length: 3 }, () => new Worker(source, { eval: true, workerData: pkg }))
    await Promise.all(workers.map(worker => once(worker, 'message')))
    await Promise.all(workers.map(worker => worker.terminate()))
  }
  (async () => {
    for (let i = 0; i < 5; i++) await round()
    console.log('done')
  })()
`, 'done\n'))

test('a worker ends by itself after stop', () => ends(`
  const { Worker } = require('worker_threads')
  const source = ${JSON.stringify('const pkg = require("worker_threads").workerData')} + ${JSON.stringify(PEERS)} + \`
    const { peer: server, service } = serve()
    const caller = client(service.port)
    caller.request('k', 1, (err, res) => {
      console.log(err, res)
      caller.stop()
      server.stop()
    })
  \`
  new Worker(source, { eval: true, workerData: pkg }).on('exit', code => console.log(code))
`, 'null 1\n0\n'))

test('a worker that ends while connections come leaves none open', () => ends(`
  const { Worker } = require('worker_threads')
  const fs = require('fs')
  const net = require('net')
  const source = ${JSON.stringify('const pkg = require("worker_threads").workerData')} + ${JSON.stringify(PEERS)} + \`
    const { parentPort } = require('worker_threads')
    const { service } = serve()
    parentPort.postMessage(service.port)
    // Busy, so that they wait to be heard of.
    for (;;);
  \`
  const once = (emitter, event) => new Promise(resolve => emitter.once(event, resolve))
  const upgrade = 'GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n' +
    'Sec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n'
  ;(async () => {
    const worker = new Worker(source, { eval: true, workerData: pkg })
    const port = await once(worker, 'message')
    const sockets = await Promise.all(Array.from({ length: 20 }, async () => {
      const socket = net.connect(port, '127.0.0.1')
      await once(socket, 'connect')
      socket.write(upgrade)
      socket.ended = once(socket, 'close')
      return socket.on('error', () => {}).resume()
    }))
    // The other end has read them by then, on its own thread.
    await new Promise(resolve => setTimeout(resolve, 200))
    await worker.terminate()
    await Promise.all(sockets.map(socket => socket.ended))
    console.log('all ended')
  })()
`, 'all ended\n'))

test('the workers of a cluster share a port', async () => {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'grenache-cluster-')), 'main.js')
  fs.writeFileSync(file, `const pkg = ${JSON.stringify(path.join(__dirname, '..', '..'))}
    ${PEERS}
    const cluster = require('cluster')
    if (cluster.isPrimary) {
      const port = +process.argv[2]
      const workers = [cluster.fork({ PORT: port }), cluster.fork({ PORT: port })]
      let ready = 0
      cluster.on('message', () => {
        if (++ready < workers.length) return
        const caller = client(port)
        caller.request('k', 1, (err, res) => {
          console.log(err, res)
          caller.stop()
          for (const worker of workers) worker.kill()
        })
      })
    } else {
      const { PeerRPCServer } = require(pkg)
      const peer = new PeerRPCServer({}, {})
      peer.init()
      const service = peer.transport('server').listen(+process.env.PORT)
      service.on('request', (rid, key, payload, handler) => handler.reply(null, payload))
      process.send('listening')
    }
  `)
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [file, String(await freePort())])
    assert.strictEqual(stdout, 'null 1\n')
  } finally {
    fs.rmSync(path.dirname(file), { recursive: true })
  }
})

test('a peer that stays awake after messages answers, and its process ends by itself', () => ends(`
  const { performance } = require('perf_hooks')
  const conf = { busyPoll: 20000 }
  const server = new PeerRPCServer({}, conf)
  server.init()
  const service = server.transport('server').listen(0)
  service.on('request', (rid, key, payload, handler) => handler.reply(null, payload))
  const caller = new PeerRPCClient({ lookup: (key, opts, cb) => cb(null, ['127.0.0.1:' + service.port]) }, conf)
  caller.init()
  caller.request('k', 1, (err, res) => {
    console.log(err, res)
    const before = performance.eventLoopUtilization()
    const timer = setInterval(() => {
      // Asleep again, or this would go on for ever.
      if (performance.eventLoopUtilization(before).utilization > 0.5) return
      clearInterval(timer)
      caller.stop()
      server.stop()
    }, 50)
  })
`, 'null 1\n'))

test('GRENACHE_IO with an unknown value is a clear error', async () => {
  const { stderr, code } = await run(`${PEERS} serve()`, { env: { GRENACHE_IO: 'smoke' } })
  assert.strictEqual(code, 1)
  assert.match(stderr, /ERR_IO_UNKNOWN: smoke \(libuv or tokio\)/)
})
