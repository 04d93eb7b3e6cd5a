'use strict'

// What Node's own servers do in a worker of its `cluster`: they tell the primary where they listen, and
// go when the worker is disconnected.

const { familyOf } = require('./address')

/** Called once when the worker is disconnected. */
const leaving = new Set()

/** Whether other processes listen on the ports of this one. Few need the module, which is large. */
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

/** The primary's `listening` events come of the message that Node's own servers send. */
function tellListening (port, host) {
  const worker = workerOf()
  if (worker === null) return
  worker.state = 'listening'
  if (typeof process.send !== 'function' || !process.connected) return
  const addressType = host && familyOf(host) === 'IPv6' ? 6 : 4
  try {
    process.send({ cmd: 'NODE_CLUSTER', act: 'listening', address: host || null, port, addressType }, () => {})
  } catch (err) {
    // The primary is gone.
  }
}

module.exports = { sharesPorts, stay, tellListening, whenLeaving }
