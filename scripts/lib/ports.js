'use strict'

// Free ports, which stay free until they are used: below the range that the system chooses from
// for outgoing connections and for port 0, and each process begins somewhere else.

const dgram = require('dgram')
const net = require('net')

const RANGE = { from: 10000, count: 10000 }
/** As many as a process uses before it meets those of the next one. */
const OWN = 20

/** A host name that no resolver is asked for: its label is longer than one may be (RFC 1035 section 2.3.4). */
const NO_HOST = 'n'.repeat(64)

let asked = 0

/** Whether `socket` got its port; closes it. */
function isFree (socket) {
  return new Promise((resolve, reject) => {
    socket.once('error', err => /^(EADDRINUSE|EACCES)$/.test(err.code) ? resolve(false) : reject(err))
    socket.once('listening', () => socket.close(() => resolve(true)))
  })
}

const isFreeTcp = port => isFree(net.createServer().listen(port))
const isFreeUdp = port => isFree(dgram.createSocket('udp4').bind(port))

async function find (isFree) {
  for (;;) {
    const port = RANGE.from + (process.pid * OWN + asked++) % RANGE.count
    if (await isFree(port)) return port
  }
}

module.exports = {
  NO_HOST,
  freePort: () => find(isFreeTcp),
  freeUdpPort: () => find(isFreeUdp),
  isFreeTcp,
  isFreeUdp
}
