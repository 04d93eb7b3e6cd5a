'use strict'

// HTTP exchanges with grapes, by the native side.

const { fromFailure } = require('../errors/errors')
const { nextTick } = require('../util/clock')
const { core } = require('./core')
const { hold, letGo } = require('./keepAlive')

/** Callbacks of pending exchanges, by number. */
const pending = new Map()
let lastExchange = 0

/**
 * Posts a JSON text to a grape, with these header fields: `cb(err, status, body, location)`. Returns a function that
 * cancels it: `end(err)`, and `cb` is called in a later tick.
 */
function post (url, fields, body, timeout, cb) {
  const id = lastExchange = (lastExchange + 1) >>> 0
  pending.set(id, cb)
  hold()
  core.post(id, url, Object.entries(fields).flat(), body, timeout)
  return err => {
    if (!pending.delete(id)) return
    letGo()
    core.endPost(id)
    nextTick(cb, err)
  }
}

/** The response to an exchange arrived, or it failed. */
function onAnswered ({ id, error, status, body, location }) {
  const cb = pending.get(id)
  // It was cancelled meanwhile.
  if (!pending.delete(id)) return
  letGo()
  cb(error ? fromFailure(error) : null, status, body, location)
}

module.exports = { onAnswered, post }
