'use strict'

// `gracefulShutdown`: announces end, then requests, then the link, by a signal or by a call.

const assert = require('node:assert')
const { spawn } = require('child_process')
const { once } = require('events')
const path = require('path')
const { call, each } = require('../helpers/conformance')
const { run } = require('../../scripts/lib/child')
const { standIn, startLink } = require('../helpers/grapes/stand-in')
const { until } = require('../helpers/until')

const better = { better: true }

/** A service in a process of its own, whose lines are in `lines`. */
async function service (stage, source) {
  const script = `
    const { PeerRPCServer, PeerRPCClient, PeerPub, PeerSub, Link, gracefulShutdown } = require(${JSON.stringify(path.join(__dirname, '..', '..'))})
    const say = line => process.stdout.write(line + '\\n')
    ${source}`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  stage.after(() => child.kill('SIGKILL'))
  const lines = []
  child.stdout.setEncoding('utf8').on('data', text => lines.push(...text.split('\n').filter(Boolean)))
  await until(() => lines.some(line => line.startsWith('ready')))
  const port = Number(lines[0].split(' ')[1])
  return { child, lines, port, dest: `127.0.0.1:${port}`, exited: once(child, 'exit') }
}

/** A server whose answers wait, and need another service. */
const SLOW = grape => `
  const link = new Link({ grape: '${grape}' })
  link.start()
  const server = new PeerRPCServer(link, {})
  const client = new PeerRPCClient(link, {})
  const pub = new PeerPub(link, {})
  for (const peer of [server, client, pub]) peer.init()
  pub.transport('server').listen(0)
  const transport = server.transport('server').listen(0)
  transport.handle('slow', async dest => {
    say('asked')
    await new Promise(resolve => setTimeout(resolve, 500))
    return client.request('other', 'by the way', { dest })
  })
  transport.handle('never', () => new Promise(() => say('asked')))
  link.promises.startAnnouncing('key', transport.port).then(() => say('ready ' + transport.port))
`

for (const signal of ['SIGTERM', 'SIGINT']) {
  each(`C416: at ${signal} announces end, then what is asked is answered, then the process ends by itself`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, () => 1)
    const other = await stage.serve(implementation)
    const { child, lines, dest, exited } = await service(stage, `${SLOW(grape.url)}
      gracefulShutdown({ link, peers: [client, server, pub] }, (err, signal) => say('over ' + err + ' ' + signal))
    `)
    const peer = stage.client(implementation, dest)
    const answer = peer.request('slow', other.dest)
    await until(() => lines.includes('asked'))
    child.kill(signal)
    await grape.arrived(2)
    // It takes nobody in any more.
    const late = stage.client(implementation, dest)
    let refused = null
    while (refused === null) refused = (await call(late, 'request', 'slow', other.dest, { timeout: 100 })).err
    assert.strictEqual(await answer, 'by the way')
    assert.deepStrictEqual(await exited, [0, null])
    assert.strictEqual(lines[lines.length - 1], `over null ${signal}`)
    assert.deepStrictEqual(grape.requests.map(({ type, data: [key] }) => [type, key]), [['announce', 'key'], ['unannounce', 'key']])
  }, better)

  each(`C417: another ${signal} ends the process at once`, async ({ implementation, stage }) => {
    const grape = await standIn(stage, () => 1)
    const { child, lines, dest, exited } = await service(stage, `${SLOW(grape.url)}
      gracefulShutdown({ link, peers: [client, server, pub], drain: 60000 }, () => say('over'))
    `)
    const answer = stage.client(implementation, dest).request('never', 1)
    await until(() => lines.includes('asked'))
    child.kill('SIGTERM')
    await grape.arrived(2)
    child.kill(signal)
    assert.deepStrictEqual(await exited, [signal === 'SIGTERM' ? 143 : 130, null])
    await assert.rejects(answer, { message: 'ERR_TRANSPORT_CLOSE' })
    assert.ok(!lines.includes('over'))
  }, better)
}

each('C416: what is not answered in time is cut off', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => 1)
  const { child, lines, dest, exited } = await service(stage, `${SLOW(grape.url)}
    gracefulShutdown({ link, peers: [client, server, pub], drain: 300 }, err => say('over ' + err))
  `)
  const answer = stage.client(implementation, dest).request('never', 1)
  await until(() => lines.includes('asked'))
  child.kill('SIGTERM')
  await assert.rejects(answer, { message: 'ERR_TRANSPORT_CLOSE' })
  assert.deepStrictEqual(await exited, [0, null])
  assert.ok(lines.includes('over null'))
}, better)

each('C416: a subscriber, a grape that does not answer and a stop that never ends hold it up for no longer', async ({ implementation, stage }) => {
  const grape = await standIn(stage, ({ type }) => type === 'announce' ? 1 : undefined)
  const publisher = await stage.publisher(implementation)
  const { child, lines, exited } = await service(stage, `${SLOW(grape.url)}
    const sub = new PeerSub({ lookup: (key, opts, cb) => cb(null, ['${publisher.dest}']) }, {})
    sub.init()
    sub.sub('key', { all: true })
    const stuck = { stop: () => new Promise(() => {}) }
    gracefulShutdown({ link, peers: [client, server, pub, sub, stuck], drain: 400 }, err => say('over ' + err))
  `)
  await until(() => publisher.socket.clients.size === 1)
  child.kill('SIGTERM')
  assert.deepStrictEqual(await exited, [0, null])
  assert.ok(lines.includes('over Error: ERR_TIMEOUT'))
}, better)

/** What fails, and how the end is told. */
const FAILURES = {
  'a grape that is gone': ["link.startAnnouncing('key', 1337)", '', /ECONNREFUSED/],
  'a grape that does not answer': ["link.startAnnouncing('silent', 1337)", '', /ERR_TIMEOUT/],
  'a stop that never ends': ['', '{ stop: () => new Promise(() => {}) }', /ERR_TIMEOUT/],
  'a stop that rejects': ['', "{ stop: async () => { throw new Error('mine') } }", /mine/]
}

for (const [what, [begin, part, said]] of Object.entries(FAILURES)) {
  each(`C367: ${what} is the error of the callback, or a warning without one`, async ({ stage }) => {
    let announced
    const told = new Promise(resolve => { announced = resolve })
    const grape = await standIn(stage, ({ type, data }) => {
      announced()
      return type === 'announce' ? 1 : undefined
    })
    for (const cb of ['', ", err => console.log('over ' + err)"]) {
      for (const kind of part === '' ? ['peers: []'] : [`peers: [${part}]`, `link: [link, ${part}]`]) {
        const { code, stdout, stderr } = await run(`
          const { Link, gracefulShutdown } = require(pkg)
          const gone = ${JSON.stringify(what)}.endsWith('gone')
          const link = new Link({ grape: '${grape.url}', requestTimeout: 1000 }).start()
          ${begin.replace(')', `, {}, () => {
            if (gone) link.conf.grape = 'http://127.0.0.1:1'
            end()
          })`)}
          const end = () => gracefulShutdown({ link, drain: 200, ${kind} }${cb}).now()
          ${begin === '' ? 'end()' : ''}`)
        assert.strictEqual(code, 0)
        const [heard, silent] = cb === '' ? [stderr, stdout] : [stdout, stderr]
        assert.match(heard, said)
        assert.strictEqual(heard.match(new RegExp(said, 'g')).length, 1)
        if (cb === '') assert.match(heard, /ERR_SHUTDOWN/)
        assert.strictEqual(silent, '')
      }
    }
    if (begin !== '') await told
  }, better)
}

each('C418: remove lets signals be, and nothing is left on the process', async ({ stage }) => {
  const { child, exited } = await service(stage, `
    const link = new Link({ grape: 'http://127.0.0.1:1' }).start()
    gracefulShutdown({ link }).remove()
    say('ready')
  `)
  child.kill('SIGTERM')
  assert.deepStrictEqual(await exited, [null, 'SIGTERM'])

  const result = await run(`
    const { gracefulShutdown } = require(pkg)
    const signals = ['SIGTERM', 'SIGINT', 'SIGHUP']
    const counts = () => console.log(signals.map(signal => process.listenerCount(signal)).join())
    const ends = Array.from({ length: 100 }, () => gracefulShutdown({ peers: [] }))
    const one = gracefulShutdown({ peers: [], signals: 'SIGHUP' })
    counts()
    for (const { remove } of ends) remove()
    ends[0].remove()
    counts()
    one.now().then(counts)
    const many = gracefulShutdown({ peers: [], signals: signals.slice(0, 2) })
    if (Symbol.dispose) many[Symbol.dispose]()
    else many.remove()
    process.once('SIGTERM', () => {})
    counts()
  `)
  assert.deepStrictEqual(result, { code: 0, signal: null, stdout: '1,1,1\n0,0,1\n1,0,1\n1,0,0\n', stderr: '' })
}, better)

each('C418: now does the same, once, and done and the callback tell its end', async ({ implementation, stage }) => {
  const grape = await standIn(stage, () => 1)
  const link = startLink(stage, implementation, grape.url)
  const server = new implementation.PeerRPCServer(link, {})
  server.init()
  const client = stage.client(implementation, [])
  const transport = server.transport('server').listen(0)
  transport.handle('key', payload => payload)
  await link.promises.startAnnouncing('key', transport.port)
  const told = []
  const shutdown = implementation.gracefulShutdown({ link, peers: [server, client], drain: 1000 }, (...args) => told.push(args))
  const ends = [shutdown.now(), shutdown.now(), shutdown.done]
  await grape.arrived(2)
  assert.deepStrictEqual(await Promise.all(ends), [null, null, null])
  await until(() => told.length > 0)
  assert.deepStrictEqual(told, [[null, null]])
  assert.deepStrictEqual([server.isActive(), client.isActive(), transport.isActive()], [false, false, false])
  assert.deepStrictEqual(grape.requests.map(({ type }) => type), ['announce', 'unannounce'])
  await assert.rejects(link.promises.lookup('key'), { message: 'ERR_TRANSPORT_CLOSE' })
}, better)

each('C416: a grape among the peers stops last, when its link has told it', async ({ implementation }) => {
  for (const drain of [0, 1000]) {
    const grape = new implementation.Grape({ host: '127.0.0.1', dht_port: 0, api_port: 0 })
    await new Promise((resolve, reject) => grape.start(err => err ? reject(err) : resolve()))
    const link = new implementation.Link({ grape: `http://${grape.address().api}` })
    link.start()
    await link.promises.startAnnouncing('key', 1)
    const order = []
    const { stop } = link
    link.stop = function () {
      order.push(grape._active)
      return stop.call(this)
    }
    const { err } = await new Promise(resolve => implementation.gracefulShutdown({ link, peers: [grape], drain }, err => resolve({ err })).now())
    assert.deepStrictEqual([err, order, grape._active], [null, [true], false])
  }
}, better)

each('C418: one part that fails does not keep the others; with drain 0 all stop at once', async ({ implementation, stage }) => {
  let stopped
  const part = name => ({ stop: (...args) => { stopped.push([name, args.length]) } })
  for (const drain of [0, 100]) {
    stopped = []
    const failing = { stop () { throw new Error('it cannot') } }
    const { err } = await new Promise(resolve => implementation.gracefulShutdown({
      link: [part('link'), failing], peers: [failing, part('client'), { ...part('server'), listen () {} }, { stop: async () => { throw new Error('later') } }], drain
    }, err => resolve({ err })).now())
    assert.strictEqual(err.message, 'it cannot')
    const count = drain > 0 ? 1 : 0
    assert.deepStrictEqual(stopped, [['server', count], ['client', count], ['link', 0]])
  }
  const warning = once(process, 'warning')
  const { signals } = require('os').constants
  const before = Object.keys(signals).map(signal => process.listenerCount(signal))
  await implementation.gracefulShutdown({ peers: { stop () { throw new Error('no') } } }).now()
  assert.strictEqual((await warning)[0].code, 'ERR_SHUTDOWN')
  for (const opts of [{ link: {} }, { link: 5 }, { peers: [null] }, { peers: 'peer' }, { peers: [], signals: 'SIGNAL' }, { peers: [], signals: [5] }]) {
    assert.throws(() => implementation.gracefulShutdown(opts), { code: 'ERR_OPTION' })
  }
  // They would swallow SIGTERM, and stop nothing, or less than is meant.
  const peers = [part('client')]
  for (const [opts, option] of [[{ grapes: [], peers }, 'grapes'], [{ peer: peers }, 'peer'], [{ peers, drian: 5 }, 'drian'], [{}, 'peers'], [undefined, 'peers'], [{ drain: 5 }, 'peers'], [{ link: null }, 'peers']]) {
    assert.throws(() => implementation.gracefulShutdown(opts), { code: 'ERR_OPTION', option })
  }
  assert.deepStrictEqual(Object.keys(signals).map(signal => process.listenerCount(signal)), before)
}, better)
