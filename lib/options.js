'use strict'

// Options as callers write them.

const { MAX_TIMEOUT } = require('./defaults')

/** `conf` with `defaults` for what it leaves out, also where it names a key and says nothing. */
function withDefaults (defaults, conf) {
  const merged = { ...defaults, ...conf }
  for (const key of Object.keys(defaults)) {
    if (merged[key] === undefined || merged[key] === null) merged[key] = defaults[key]
  }
  return merged
}

/** A time in ms or another amount, or `fallback` for none; never more than a timer can wait. */
function amount (value, fallback) {
  const number = value === undefined || value === null ? NaN : +value
  return Number.isNaN(number) ? fallback : Math.min(MAX_TIMEOUT, Math.max(0, number))
}

/** Whether `stop(opts)` is to end what is under way first. */
function drains (opts) {
  return !!opts && opts.drain > 0
}

module.exports = { amount, drains, withDefaults }
