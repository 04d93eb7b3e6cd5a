'use strict'

const { lead } = require('../errors/failure')
const { debug } = require('../observe/channels')

/**
 * Whether a request records where it was made, so that its error leads there. That takes 8 µs, four times as long as
 * the rest of a request, so it is for debugging only: NODE_DEBUG=grenache.
 */
const IS_TRACED = debug.enabled

/** Wraps `cb`: its errors lead to the caller of `call`. */
function traced (cb, call) {
  if (!IS_TRACED) return cb
  const site = {}
  Error.captureStackTrace(site, call)
  return (err, res) => cb(err ? lead(err, site) : err, res)
}

module.exports = traced
