'use strict'

// Promises for the callback API.

const { clearTimeout, setTimeout } = require('./clock')
const { TEXT } = require('../errors/errors')
const { late } = require('../errors/failure')

/** A Promise for the result that `start` passes to its callback. */
function promiseOf (start) {
  return new Promise((resolve, reject) => start((err, res) => err ? reject(err) : resolve(res)))
}

/** The same for calls whose result was always optional: an unhandled rejection is not reported. */
function promised (start) {
  const promise = promiseOf(start)
  promise.catch(() => {})
  return promise
}

/** Whether `await` would wait for the value. */
function isThenable (value) {
  return value !== null && typeof value === 'object' && typeof value.then === 'function'
}

/** As `promise`; rejects with ERR_TIMEOUT after `ms`. */
function within (ms, promise) {
  let timer
  const over = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(late(TEXT.TIMEOUT, { timeout: ms })), ms)
  })
  return Promise.race([promise, over]).finally(() => clearTimeout(timer))
}

/** Calls a user's method, and `fail(err)` when it throws or rejects. */
function failing (call, fail) {
  try {
    const promise = call()
    if (isThenable(promise)) promise.then(undefined, fail)
  } catch (err) {
    fail(err)
  }
}

module.exports = { failing, isThenable, promiseOf, promised, within }
