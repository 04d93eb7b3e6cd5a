'use strict'

const { setImmediate } = require('./clock')
const Deadline = require('./Deadline')
const { TEXT } = require('./errors')
const { late } = require('./failure')

/** Callbacks that wait for something, in order, by the name of what they wait for. */
class CbQ {
  constructor () {
    this.q = new Map()
  }

  /** Lets `cb(err, res)` wait for `key`. */
  push (key, cb) {
    const waiting = this.q.get(key)
    if (waiting === undefined) this.q.set(key, [cb])
    else waiting.push(cb)
  }

  /** Calls what waits for `key`. */
  trigger (key, err, res) {
    const waiting = this.q.get(key)
    if (waiting === undefined) return
    this.q.delete(key)
    callEach(waiting, cb => cb(err, res))
  }

  /** How many wait for `key`. */
  cnt (key) {
    const waiting = this.q.get(key)
    return waiting === undefined ? 0 : waiting.length
  }
}

/**
 * Calls `call` for each of `items`. One that throws does not lose the rest: they follow in
 * another turn, if the process outlives the exception.
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
 * `cb`, called with ERR_TIMEOUT when nobody calls it for `timeout` ms; only the first call counts.
 * @param {function(function(Error), Error)} [expire] makes that call
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
  // What is waited for keeps the process alive, if anything should.
  deadline.unref()
  return finish
}

function callWith (cb, err) {
  cb(err)
}

module.exports = { CbQ, callEach, withDeadline }
