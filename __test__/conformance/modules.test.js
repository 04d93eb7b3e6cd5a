'use strict'

// What the modules export, and when they keep a process alive.

const { test } = require('node:test')
const assert = require('node:assert')
const { once } = require('events')
const fs = require('fs')
const os = require('os')
const path = require('path')
const { pathToFileURL } = require('url')
const { run } = require('../../scripts/lib/child')
const { call, each, native, original, pair } = require('../helpers/conformance')

const PEERS = ['PeerRPCClient', 'PeerRPCServer', 'PeerPub', 'PeerSub']
const RPC_TRANSPORTS = ['TransportRPCClient', 'TransportRPCServer']
const TRANSPORTS = [...RPC_TRANSPORTS, 'TransportPub', 'TransportSub']
const EXPORTS = [...PEERS, ...RPC_TRANSPORTS]

/** Names of the modules, as a service would write them. */
const NAMES = {
  original: { main: 'grenache-nodejs-ws', link: 'grenache-nodejs-link' },
  native: { main: 'grenache-nodejs-ws-native', link: 'grenache-nodejs-ws-native/link' }
}

/** What `implementation.Link` and the peers are to a script in a process of its own. */
const loading = ({ name }) => `
const Link = require(${JSON.stringify(require.resolve(NAMES[name].link))})
const main = require(${JSON.stringify(require.resolve(NAMES[name].main))})
const { PeerRPCClient, PeerRPCServer, PeerPub, PeerSub } = main
const { TransportRPCClient, TransportRPCServer } = main
`

/** Runs a script, which must end by itself and print `stdout`. */
async function ends (implementation, source, stdout = '') {
  const result = await run(loading(implementation) + source)
  assert.deepStrictEqual(result, { code: 0, signal: null, stdout, stderr: '' })
}

/**
 * Runs a script whose `start` must keep its process alive until `stop`: the timer by itself
 * does not, and would not be there to print if the process ended before.
 */
const holds = (implementation, start, stop) => ends(implementation, `
  ${start}
  setTimeout(() => {
    console.log('alive')
    ${stop}
  }, 200).unref()
`, 'alive\n')

each('C1: the main module exports peers and RPC transports', ({ implementation: { name } }) => {
  const main = require(NAMES[name].main)
  for (const each of EXPORTS) assert.strictEqual(typeof main[each], 'function', each)
})

each('C2: an exported class has the name it is exported by', ({ implementation: { name } }) => {
  const main = require(NAMES[name].main)
  const names = Object.keys(main)
  assert.ok(names.length >= EXPORTS.length)
  for (const each of names) assert.strictEqual(main[each].name, each)
})

each('C3: ESM named imports of every export', async ({ implementation: { name }, stage }) => {
  const main = require.resolve(NAMES[name].main)
  const names = Object.keys(require(main))
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grenache-esm-'))
  stage.after(() => fs.rmSync(folder, { recursive: true }))
  const file = path.join(folder, 'names.mjs')
  fs.writeFileSync(file, `
    import { ${names.join(', ')} } from ${JSON.stringify(pathToFileURL(main).href)}
    export default [${names.join(', ')}].map(each => each.name)
  `)
  assert.deepStrictEqual((await import(pathToFileURL(file).href)).default, names)
})

each('C3: an ESM named import is the same class as the required one', async ({ implementation: { name } }) => {
  const main = require(NAMES[name].main)
  const namespace = await import(NAMES[name].main)
  for (const each of EXPORTS) assert.strictEqual(namespace[each], main[each], each)
})

each('C4: lib/<Class> loads each peer and transport', ({ implementation: { name } }) => {
  for (const each of [...PEERS, ...TRANSPORTS]) {
    const Class = require(`${NAMES[name].main}/lib/${each}`)
    assert.strictEqual(Class.name, each)
    assert.strictEqual(require(`${NAMES[name].main}/lib/${each}.js`), Class)
  }
})

each('C491: the files at the top load by their paths, with and without the ending', ({ implementation: { name } }) => {
  const { main } = NAMES[name]
  for (const file of ['index', 'index.js']) assert.strictEqual(require(`${main}/${file}`), require(main))
  assert.ok(require(`${main}/package.json`).version)
  assert.strictEqual(require(`${main}/package`), require(`${main}/package.json`))
  const example = { original: 'rpc_server.js', native: 'server.js' }[name]
  assert.ok(require.resolve(`${main}/examples/${example}`))
})

each('C5: a class of lib/ is the exported one', ({ implementation: { name } }) => {
  const main = require(NAMES[name].main)
  for (const each of EXPORTS) {
    assert.strictEqual(require(`${NAMES[name].main}/lib/${each}`), main[each], each)
  }
})

each('C6: the module of the link is the class', ({ implementation: { name } }) => {
  const Link = require(NAMES[name].link)
  assert.strictEqual(Link.name, 'Link')
  assert.strictEqual(new Link({ grape: 'http://127.0.0.1:1' }).conf.grape, 'http://127.0.0.1:1')
})

each('C7: the ESM default of the link is the class', async ({ implementation: { name } }) => {
  const { default: Link } = await import(NAMES[name].link)
  assert.strictEqual(Link, require(NAMES[name].link))
})

each('C379: the module of the link has the class as Link too, for require and import', async ({ implementation: { name } }) => {
  const Link = require(NAMES[name].link)
  assert.strictEqual(Link.Link, Link)
  const { Link: named } = await import(NAMES[name].link)
  assert.strictEqual(named, Link)
}, { better: true })

each('C8: loading the modules keeps no process alive', ({ implementation }) => ends(implementation, ''))

each('C9: constructing keeps no process alive', ({ implementation }) => ends(implementation, `
  const peers = [PeerRPCClient, PeerRPCServer, PeerPub, PeerSub].map(Peer => new Peer({}, {}))
  const Transports = [TransportRPCClient, TransportRPCServer]
  for (const peer of peers.slice(2)) Transports.push(peer.getTransportClass())
  Transports.forEach((Transport, at) => new Transport(peers[at], { dest: '127.0.0.1:1' }))
  new Link({ grape: 'http://127.0.0.1:1' })
  console.log(Transports.length)
`, '4\n'))

each('C10: a started link keeps the process alive until stop', ({ implementation }) => holds(implementation,
  'const link = new Link({ grape: "http://127.0.0.1:1" }).start()', 'link.stop()'))

each('C11: an inited client keeps the process alive until stop', ({ implementation }) => holds(implementation,
  'const peer = new PeerRPCClient({}, {}); peer.init()', 'peer.stop()'))

each('C12: a listening server keeps the process alive until stop', ({ implementation }) => holds(implementation, `
  const peer = new PeerRPCServer({}, {})
  peer.init()
  const service = peer.transport('server')
  service.listen(0)
`, 'service.stop(); peer.stop()'))

each('C13: peers of one copy use the link of another', ({ implementation }) => ends(implementation, `
  for (const file of Object.keys(require.cache)) {
    if (file.endsWith('.js')) delete require.cache[file]
  }
  const other = require(${JSON.stringify(require.resolve(NAMES[implementation.name].main))})
  if (other.PeerRPCClient === PeerRPCClient) throw new Error('no copy')
  const server = new other.PeerRPCServer({}, {})
  server.init()
  const service = server.transport('server')
  service.on('request', (rid, key, payload, handler) => handler.reply(null, payload))
  service.listen(0)
  const link = new Link({ grape: 'http://127.0.0.1:1' })
  link.start()
  service.socket.on('listening', () => {
    const { port } = service.socket.address()
    link.request = (type, payload, opts, cb) => cb(null, ['127.0.0.1:' + port])
    const ours = new PeerRPCClient(link, {})
    const theirs = new other.PeerRPCClient(link, {})
    ours.init()
    theirs.init()
    ours.request('k', 1, (err, res) => {
      console.log(err, res)
      theirs.request('k', 2, (err, res) => {
        console.log(err, res)
        for (const each of [ours, theirs, service, server, link]) each.stop()
      })
    })
  })
`, 'null 1\nnull 2\n'))

/** A link of which only what the peers call is there, and that notes what they touch. */
function facade (link, touched) {
  return new Proxy({}, {
    get (target, name) {
      touched.add(name)
      return typeof link[name] === 'function' ? (...args) => link[name](...args) : undefined
    },
    getPrototypeOf () {
      throw new Error('somebody asks what the link is')
    },
    ownKeys () {
      throw new Error('somebody looks into the link')
    },
    has () {
      throw new Error('somebody looks into the link')
    }
  })
}

pair('C14: the client peer calls public methods of the link, whoever made it', async ({ server, client, stage }) => {
  const service = await stage.serve(server)
  const link = new server.Link({ grape: 'http://127.0.0.1:1' })
  link.start()
  stage.after(() => link.stop())
  link.lookup = (key, opts, cb) => cb(null, [service.dest])
  const touched = new Set()
  const peer = new client.PeerRPCClient(facade(link, touched), {})
  peer.init()
  stage.after(() => peer.stop())

  assert.deepStrictEqual(await call(peer, 'request', 'k', 1, {}), { err: null, res: 1 })
  assert.deepStrictEqual(await call(peer, 'map', 'k', 2, {}), { err: null, res: [2] })
  assert.deepStrictEqual([...touched], ['lookup'])
})

pair('C14: the sub peer calls public methods of the link, whoever made it', async ({ server, client, stage }) => {
  const service = await stage.publisher(server)
  const link = new server.Link({ grape: 'http://127.0.0.1:1' })
  link.lookup = (key, opts, cb) => cb(null, [service.dest])
  const touched = new Set()
  const peer = stage.subscriber(client, [])
  peer.link = facade(link, touched)
  const connections = [once(service.socket, 'connection'), once(peer, 'connected')]
  peer.sub('k')
  await Promise.all(connections)
  const message = once(peer, 'message')
  service.pub('hello')

  assert.deepStrictEqual(await message, ['hello'])
  assert.deepStrictEqual([...touched], ['lookup'])
})

test('C189: the main module also exports TransportPub, TransportSub, Link and Grape', () => {
  const main = require(NAMES.native.main)
  for (const name of ['TransportPub', 'TransportSub', 'Link', 'Grape']) {
    assert.strictEqual(main[name].name, name)
    assert.strictEqual(main[name], require(`${NAMES.native.main}/lib/${name}`))
  }
  assert.strictEqual(new main.PeerPub({}).getTransportClass(), main.TransportPub)
  assert.strictEqual(new main.PeerSub({}).getTransportClass(), main.TransportSub)
})

test('C190: lib/Link and link are the class Link', async () => {
  assert.strictEqual(require(`${NAMES.native.main}/lib/Link`), native.Link)
  assert.strictEqual(require(`${NAMES.native.main}/link`), native.Link)
  assert.strictEqual((await import(`${NAMES.native.main}/link`)).default, native.Link)
  assert.notStrictEqual(native.Link, original.Link)
})

test('C303: a process has one exit listener, however often the package is loaded, and each copy writes what it has composed', async () => {
  const { code, stdout, stderr } = await run(`
    const load = () => {
      for (const name of Object.keys(require.cache)) if (!name.endsWith('.node')) delete require.cache[name]
      return require(pkg)
    }
    const copies = Array.from({ length: 12 }, load)
    console.log(process.listenerCount('exit'))
    const { PeerRPCServer } = copies[3]
    const net = require('net')
    const peer = new PeerRPCServer({}, { host: '127.0.0.1' })
    peer.init()
    const service = peer.transport('server').listen(0)
    gc()
    service.on('request', (rid, key, payload, handler) => {
      handler.reply(null, payload)
      process.exit()
    })
    const script = \`
      const { PeerRPCClient } = require(\${JSON.stringify(pkg)})
      const peer = new PeerRPCClient({ lookup: (key, opts, cb) => cb(null, ['127.0.0.1:\${service.port}']) })
      peer.init()
      peer.request('key', 'answered', { timeout: 10000 }, (err, res) => { console.log(err ? err.message : res); peer.stop() })
    \`
    require('child_process').spawn(process.execPath, ['-e', script], { stdio: 'inherit' })
  `, { args: ['--expose-gc'] })
  assert.deepStrictEqual([code, stderr], [0, ''])
  assert.strictEqual(stdout, '1\nanswered\n')
})
