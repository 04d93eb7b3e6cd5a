'use strict'

// What Node's own servers do in a worker of its `cluster`: they report to the primary where they listen, and close
// when the worker is disconnected.

const { familyOf } = require('../util/address')

/** Functions to call once when the worker is disconnected. */
const leaving = new Set()

/** Whether other processes listen on this process' ports. Few processes need the module, which is large. */
function sharesPorts () {
  return require('cluster').isWorker
}

/** This process' worker, or null. */
function workerOf () {
  return (sharesPorts() && require('cluster').worker) || null
}

/** Calls `leave` when the worker is disconnected, until `stay(leave)`. */
function whenLeaving (leave) {
  const worker = workerOf()
  if (worker === null) return
  if (leaving.size === 0) worker.on('disconnect', leaveAll)
  leaving.add(leave)
}

function stay (leave) {
  if (!leaving.delete(leave) || leaving.size > 0) return
  workerOf().off('disconnect', leaveAll)
}

function leaveAll () {
  for (const leave of [...leaving]) leave()
}

/** Sends the message of Node's own servers, from which the primary emits `listening`. */
function tellListening (port, host) {
  const worker = workerOf()
  if (worker === null) return
  worker.state = 'listening'
  if (typeof process.send !== 'function' || !process.connected) return
  const addressType = host && familyOf(host) === 'IPv6' ? 6 : 4
  try {
    process.send({ cmd: 'NODE_CLUSTER', act: 'listening', address: host || null, port, addressType }, () => {})
  } catch (err) {
    // The primary has exited.
  }
}

module.exports = { sharesPorts, stay, tellListening, whenLeaving }
