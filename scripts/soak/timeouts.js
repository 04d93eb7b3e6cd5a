'use strict'

// 100,000 requests without a reply, with deadlines spread over the next ten seconds.

const { monitorEventLoopDelay } = require('perf_hooks')
const { PeerRPCClient, PeerRPCServer } = require('../..')
const { act, breach, count, linkTo, most, state, wait } = require('./actor')

const PENDING = 100000
const SPREAD = 10000
/** In ms; the process is busy until all of them are sent. */
const EARLIEST = 2000
/** Requests sent in one turn. */
const AT_ONCE = 500

const server = new PeerRPCServer({}, {})
server.init()
const service = server.transport('server').listen(0)
const peer = new PeerRPCClient(linkTo(`127.0.0.1:${service.port}`), {})
peer.init()
const delay = monitorEventLoopDelay({ resolution: 5 })
let open = 0

function ask (timeout) {
  const deadline = performance.now() + timeout
  let calls = 0
  open++
  count('asked')
  peer.request('key', 0, { timeout }, err => {
    if (++calls > 1) return breach(`a callback was called ${calls} times`)
    open--
    count('timed out')
    if (!err || err.message !== 'ERR_TIMEOUT') breach(`not a timeout: ${err && err.message}`)
    if (state.stopping) return
    const late = performance.now() - deadline
    most('lateness', late)
    // The native clock counts whole milliseconds.
    if (late < -2) breach(`${-late} ms early`)
    ask(SPREAD)
  })
}

async function main () {
  for (let at = 0; at < PENDING; at++) {
    ask(EARLIEST + SPREAD * at / PENDING)
    if (at % AT_ONCE === 0) await new Promise(resolve => setImmediate(resolve))
  }
  delay.enable()
  act({}, async () => {
    most('loop delay', delay.max / 1e6)
    delay.disable()
    peer.stop()
    server.stop()
    await wait(50)
    if (open > 0) breach(`${open} requests without a callback`)
  })
}

main()
