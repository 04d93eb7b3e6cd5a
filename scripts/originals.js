'use strict'

// The unmodified example and test files of the original packages, run with this package. They use
// fixed ports, so they run one after the other: on Linux in a network namespace, where all ports are
// free, elsewhere with nothing else in parallel.

const { spawn, spawnSync } = require('child_process')
const path = require('path')
const { setTimeout: sleep } = require('timers/promises')
const native = require('..')
const original = require('grenache-grape')
const { ask } = require('./lib/grape-api')
const { startGrapes } = require('./lib/grapes')
const { isFreeTcp, isFreeUdp } = require('./lib/ports')

const root = path.join(__dirname, '..')
const register = path.join(root, 'register.js')
const folder = name => path.dirname(require.resolve(`${name}/package.json`, { paths: [root] }))
const WS = folder('grenache-nodejs-ws')
const LINK = folder('grenache-nodejs-link')
const GRAPE = folder('grenache-grape')
const LIMIT = 60000

/** Ports that the originals' files bind: their tests start up to 100 grapes. */
const GRAPES = Array.from({ length: 100 }, (_, at) => at)
const TCP_PORTS = [20001, 30000, 30001, 30002, ...GRAPES.map(at => 40001 + at)]
const UDP_PORTS = [20000, ...GRAPES.map(at => 20001 + at)]
/** Longer than Linux keeps a closed connection in TIME_WAIT. */
const PORTS_LIMIT = 90000

let passed = 0

function check (what, ok, output) {
  if (!ok) throw new Error(`${what}: unexpected output\n${output}`)
  passed++
  console.log(`ok ${what}`)
}

function start (file, args = ['--require', register]) {
  const child = spawn(process.execPath, [...args, file], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', text => { child.output += text })
  }
  return child
}

/** A client's error before its service is known. */
const UNKNOWN = /ERR_GRAPE_LOOKUP_EMPTY/

/** Resolves when the child's output matches `pattern`. */
function prints (child, pattern) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`waited for ${pattern}, got:\n${child.output}`)), LIMIT)
    const look = () => {
      const isThere = pattern.test(child.output)
      if (!isThere && !UNKNOWN.test(child.output)) return
      clearTimeout(timer)
      if (isThere) resolve(child.output)
      // A subscriber does not end with this error, but does not try again either.
      else reject(new Error(child.output))
    }
    for (const stream of [child.stdout, child.stderr]) stream.on('data', look)
    child.once('exit', code => {
      clearTimeout(timer)
      reject(new Error(`ended with ${code}:\n${child.output}`))
    })
    look()
  })
}

function stop (child) {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.removeAllListeners('exit')
  return new Promise(resolve => {
    child.once('exit', resolve)
    child.kill()
  })
}

/** An example announces every second, so its clients try until it is known. */
async function until (attempt) {
  const end = Date.now() + LIMIT
  for (;;) {
    try {
      return await attempt()
    } catch (err) {
      if (Date.now() > end || !UNKNOWN.test(err.message)) throw err
    }
  }
}

async function clientPrints (file, pattern) {
  const client = start(path.join(WS, 'examples', file))
  try {
    return await prints(client, pattern)
  } finally {
    await stop(client)
  }
}

/**
 * Resolves when the fixed ports are free. Most of them are in the range from which the system
 * assigns ports to outgoing connections, and a port of another test's closed connection stays in
 * use for a minute. Grapes without their ports would fail each file that follows.
 */
async function portsFree () {
  const end = Date.now() + PORTS_LIMIT
  for (const [ports, isFree] of [[TCP_PORTS, isFreeTcp], [UDP_PORTS, isFreeUdp]]) {
    for (const port of ports) {
      while (!await isFree(port)) {
        if (Date.now() > end) {
          throw new Error(`port ${port} is in use. The originals' files use fixed ports, 20000 to 20100, 30000 to 30002 and 40001 to 40100, ` +
            'and there is no network namespace for them here (Linux, as root or with user namespaces, with unshare and iproute2). ' +
            'End what uses the port, or leave this step out: node scripts/test.js build rust node tokio …')
        }
        await sleep(500)
      }
    }
  }
}

/** The examples on this package, over grapes of either kind. */
async function examples (kind, Grape) {
  const grapes = await startGrapes(true, {}, Grape)
  const server = start(path.join(WS, 'examples', 'rpc_server.js'))
  try {
    const time = await until(() => clientPrints('rpc_client.js', /^\d+\n/))
    check(`rpc_client.js over ${kind} grapes: 100,000 requests in ${time.trim()} ms`, true)
    const mapped = await clientPrints('rpc_client_map.js', /(null \[ 'world' \]\n){10}/)
    check(`rpc_client_map.js over ${kind} grapes`, true, mapped)
  } finally {
    await stop(server)
  }
  const publisher = start(path.join(WS, 'examples', 'pub.js'))
  try {
    const heard = await until(() => clientPrints('sub.js', /^connected\n(world\n){3}/))
    check(`pub.js and sub.js over ${kind} grapes`, true, heard)
  } finally {
    await stop(publisher)
    await grapes.stop()
  }
}

/** The examples of the original itself, over grapes of this package. */
async function foreigners () {
  const grapes = await startGrapes(true, {}, native.Grape)
  const run = file => start(path.join(WS, 'examples', file), [])
  const server = run('rpc_server.js')
  try {
    // Their client does not end when it finds no server.
    while ((await ask(grapes.urls[1], 'lookup', 'rpc_test')).length === 0);
    const client = run('rpc_client_map.js')
    try {
      await prints(client, /(null \[ 'world' \]\n){10}/)
    } finally {
      await stop(client)
    }
    check('rpc_client_map.js of the original over native grapes', true)
  } finally {
    await stop(server)
    await grapes.stop()
  }
}

/**
 * Their tests count in tenths of a second: an announce is forgotten after 200 ms, which a busy machine may
 * miss. So a folder that fails runs once more.
 */
async function mocha (folder, args) {
  for (const isLast of [false, true]) {
    await portsFree()
    const result = spawnSync(process.execPath, [
      require.resolve('mocha/bin/mocha.js', { paths: [root] }), '--exit', '--require', register, ...args
    ], { cwd: folder, encoding: 'utf8', timeout: LIMIT })
    if (result.status === 0 || isLast) console.log(result.stdout + result.stderr)
    if (result.status === 0) return
    if (isLast) throw new Error(`mocha ended with ${result.status}`)
    console.log(`# mocha ended with ${result.status}, and runs once more:`)
    console.log((result.stdout + result.stderr).replace(/(\d+) passing/g, '$1 of them passed'))
  }
}

/** Runs this file again in a network namespace; returns how it ended, or undefined where there is none. */
function alone () {
  if (process.platform !== 'linux' || process.env.GRENACHE_ALONE) return
  const unshare = ['--net', ...process.getuid() === 0 ? [] : ['--map-root-user'], 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh']
  if (spawnSync('unshare', [...unshare, 'true']).status !== 0) return
  console.log('in a network namespace of their own')
  return spawnSync('unshare', [...unshare, process.execPath, __filename], {
    stdio: 'inherit', env: { ...process.env, GRENACHE_ALONE: '1' }
  }).status ?? 1
}

const ended = alone()
if (ended !== undefined) process.exit(ended)

portsFree()
  .then(() => examples('original', original.Grape))
  .then(() => examples('native', native.Grape))
  .then(foreigners)
  .then(() => mocha(WS, ['test/unit-pool.js']))
  .then(() => mocha(LINK, ['test/*.js']))
  .then(() => mocha(GRAPE, ['test/*.js']))
  .then(() => {
    console.log(`${passed} passed`)
    process.exit()
  })
  .catch(err => {
    console.error(err)
    process.exit(1)
  })
