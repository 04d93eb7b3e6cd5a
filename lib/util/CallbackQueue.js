'use strict'

const { setImmediate } = require('./clock')
const Deadline = require('./Deadline')
const { TEXT } = require('../errors/errors')
const { late } = require('../errors/failure')

/** Queues of callbacks, by the name of the event that they wait for. */
class CallbackQueue {
  constructor () {
    this.q = new Map()
  }

  /** Queues `cb(err, res)` for `key`. */
  push (key, cb) {
    const waiting = this.q.get(key)
    if (waiting === undefined) this.q.set(key, [cb])
    else waiting.push(cb)
  }

  /** Calls the callbacks queued for `key`. */
  trigger (key, err, res) {
    const waiting = this.q.get(key)
    if (waiting === undefined) return
    this.q.delete(key)
    callEach(waiting, cb => cb(err, res))
  }

  /** The number of callbacks queued for `key`. */
  cnt (key) {
    const waiting = this.q.get(key)
    return waiting === undefined ? 0 : waiting.length
  }
}

/**
 * Calls `call` for each of `items`. If one throws, the rest follow in another turn, provided that the process
 * survives the exception.
 */
function callEach (items, call, from = 0) {
  let at = from
  try {
    while (at < items.length) call(items[at++])
  } finally {
    if (at < items.length) setImmediate(callEach, items, call, at)
  }
}

/**
 * Wraps `cb`, which is called with ERR_TIMEOUT unless it is called within `timeout` ms; only the first call counts.
 * @param {function(function(Error), Error)} [expire] makes the call for the timeout
 */
function withDeadline (timeout, cb, expire = callWith) {
  let done = false
  const finish = (err, res) => {
    if (done) return
    done = true
    deadline.clear()
    cb(err, res)
  }
  const deadline = new Deadline(() => expire(finish, late(TEXT.TIMEOUT, { timeout })), timeout, true)
  // The awaited work keeps the process alive, if anything should.
  deadline.unref()
  return finish
}

function callWith (cb, err) {
  cb(err)
}

module.exports = { CallbackQueue, callEach, withDeadline }
