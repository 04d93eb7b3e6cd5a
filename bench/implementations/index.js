'use strict'

// The compared implementations. A process gets its entry, see peer.js and lib/processes.js.

const { bunFile } = require('../lib/programs')

const original = { label: 'original', module: 'grenache', original: true }
const libuv = { label: 'ours', module: 'grenache', env: { GRENACHE_IO: 'libuv' } }
const tokio = { label: 'ours, tokio', module: 'grenache', env: { GRENACHE_IO: 'tokio' } }

/** Each has a `server` and a `client` side, mostly the same. */
const IMPLEMENTATIONS = {
  original: { server: original, client: original },
  libuv: { server: libuv, client: libuv },
  tokio: { server: tokio, client: tokio },
  busy: both({ ...libuv, label: 'ours, busy polling', conf: { busyPoll: 100 } }),
  ws: both({ label: 'ws 8', module: 'ws' }),
  grpc: both({ label: 'grpc-js', module: 'grpc' }),
  zeromq: both({ label: 'zeromq', module: 'zeromq' }),
  bun: both({ label: 'Bun', module: 'bun', program: 'bun' }),
  rust: both({ label: 'pure Rust', program: 'rust' }),
  newOld: { label: 'new server, old client', server: libuv, client: original },
  oldNew: { label: 'old server, new client', server: original, client: libuv },
  oldOld: { label: 'old and old', server: original, client: original },
  newNew: { label: 'new and new', server: libuv, client: libuv }
}

function both (side) {
  return { server: side, client: side }
}

for (const implementation of Object.values(IMPLEMENTATIONS)) {
  implementation.label = implementation.label || implementation.server.label
}

/**
 * Those of `names` that can run here; `io` leaves only one of our drivers, of which libuv's can
 * poll.
 */
function available (names, io) {
  return names.filter(name => {
    if (name === 'bun') return bunFile() !== undefined
    return !io || !(io === 'tokio' ? ['libuv', 'busy'] : ['tokio']).includes(name)
  })
}

module.exports = { IMPLEMENTATIONS, available }
