'use strict'

const { lead } = require('./failure')
const { debug } = require('./observe')

/**
 * Whether a request remembers where it was made, for its error to lead there. That takes as long as the
 * half of a whole request, so it is for who debugs: NODE_DEBUG=grenache.
 */
const IS_TRACED = debug.enabled

/** `cb`, whose errors lead to the caller of `call`. */
function traced (cb, call) {
  if (!IS_TRACED) return cb
  const site = {}
  Error.captureStackTrace(site, call)
  return (err, res) => cb(err ? lead(err, site) : err, res)
}

module.exports = traced
