'use strict'

// Reads what grapes respond: addresses, failures, and which grape it was.

const { CODE, TEXT, errorOf } = require('../errors/errors')
const { late } = require('../errors/failure')
const { isDestination } = require('../native/connections')
const { MAX_ADDRESSES, MAX_ODD_ADDRESSES } = require('../options/defaults')
const { isNested } = require('../util/nesting')
const { refusalOf } = require('./grapeAnswers')

/** The Error of an empty lookup; if the grape sent no list, what it sent is the `cause`. */
function emptyLookup (key, answer) {
  const cause = refusalOf('lookup', answer) || undefined
  return late(TEXT.LOOKUP_EMPTY, { key, grape: grapeOf(answer), cause })
}

/** The `[err, answer]` of a response. */
function answerOf (status, body) {
  const isFine = status >= 200 && status < 300
  if (isNested(body)) return [isFine ? late(TEXT.NESTING_LIMIT) : failureOf(status, TEXT.NESTING_LIMIT), undefined]
  let answer = body
  try {
    answer = JSON.parse(body)
  } catch (err) {
    // Some failures are plain text.
  }
  return isFine ? [null, answer] : [failureOf(status, answer), undefined]
}

/** The Error for an HTTP status and its body. */
function failureOf (status, answer) {
  const error = errorOf(answer, { code: status })
  if (error.message !== '') return seen(error, status)
  const { STATUS_CODES } = require('http')
  return seen(late(`${status} ${STATUS_CODES[status] || 'without a text'}`), status)
}

/** With the status as an enumerable `code`, as the original's. */
function seen (error, status) {
  return Object.defineProperty(error, 'code', { value: status, writable: true, configurable: true, enumerable: true })
}

/** The grape that sent an answer, by answer. */
const senders = new WeakMap()

function noteSender (answer, grape) {
  senders.set(Object(answer), grape)
}

function grapeOf (answer) {
  return senders.get(Object(answer))
}

/** The service that a request to a grape is about, if any. */
function keyOf (type, payload) {
  if (type === 'lookup') return payload
  if (type !== 'announce' && type !== 'unannounce') return undefined
  return Array.isArray(payload) ? payload[0] : payload.key
}

/** The addresses in a grape's answer, without duplicates and up to the limit. */
function destinationsOf (answer) {
  const dests = new Set()
  let seen = 0
  for (const dest of answer) {
    if (isDestination(dest)) dests.add(dest)
    if (dests.size === MAX_ADDRESSES || ++seen - dests.size === MAX_ODD_ADDRESSES) break
  }
  return [...dests]
}

/** Whether another grape may succeed: this one did not reply, or failed. */
function isUnavailable (err) {
  return !!err && (typeof err.code !== 'number' || err.code >= 500)
}

/** The connection broke or could not be made: not a reply, a timeout or an invalid payload. */
function isBroken (err) {
  return !!err && err.name === 'Error' && typeof err.code !== 'number' &&
    err.message !== TEXT.TIMEOUT && err.code !== CODE.GRAPE_FOREIGN
}

module.exports = { answerOf, destinationsOf, emptyLookup, grapeOf, isBroken, isUnavailable, keyOf, noteSender }
