'use strict'

// Services that are reachable only by IPv6: the discovery network has IPv4 only, so lookups return an address where
// nothing listens.

/** All listeners of this process. */
const listeners = new Set()

/** Listeners that a warning was printed for. */
const warned = new WeakSet()

const MAPPED = /^::ffff:[\d.]+$/

/** Whether a listener at `address` accepts no IPv4 connection. */
function isAlone (address) {
  return address.includes(':') && address !== '::' && !MAPPED.test(address)
}

/** `port` of this machine is announced. */
function announced (key, port) {
  const here = [...listeners].filter(listener => listener.address()?.port === port)
  if (here.length === 0 || !here.every(listener => isAlone(listener.address().address))) return
  for (const listener of here.filter(listener => !warned.has(listener))) {
    warned.add(listener)
    const { address } = listener.address()
    process.emitWarning(`${key} is announced at port ${port}, where only [${address}] is listened at: lookups find an address of IPv4`, {
      type: 'GrenacheWarning', code: 'ERR_ANNOUNCE_IPV6'
    })
  }
}

module.exports = { announced, listeners }
