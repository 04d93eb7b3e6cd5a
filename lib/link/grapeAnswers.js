'use strict'

// A grape reports most of its failures as an answer: a text, with HTTP status 200. Callbacks get that as their
// result, as with the original; promises, events, counts and pauses treat it as a failure.

const { TEXT } = require('../errors/errors')
const { late } = require('../errors/failure')
const { inLine } = require('../errors/printable')

/** Codes for grapes' texts that do not begin with one. */
const CODES = new Map([
  ['No nodes to query', TEXT.GRAPE_ALONE],
  ['All queries failed', TEXT.GRAPE_ALONE]
])

const isText = answer => typeof answer === 'string'

/** The number of nodes that stored it. Stand-ins for a grape may answer with a list, or nothing. */
const isTaken = answer => !isText(answer) && (answer === null || typeof answer !== 'object' || Array.isArray(answer))

/** A hash, and not a sentence. */
const isPut = answer => !isText(answer) || (answer !== '' && !/\s|^ERR_/.test(answer))

/** Which answers are valid for each type of request; for other types all are. */
const ANSWERS = {
  announce: isTaken,
  unannounce: isTaken,
  put: isPut,
  // An empty text means that nothing was found.
  get: answer => !isText(answer) || answer === '',
  lookup: answer => !isText(answer)
}

/** The Error for an invalid answer, with its text and a code; null for a valid one. */
function refusalOf (type, answer) {
  const isAnswer = Object.hasOwn(ANSWERS, type) ? ANSWERS[type] : null
  if (isAnswer === null || isAnswer(answer)) return null
  const text = inLine(answer)
  const [own] = /^ERR_[A-Z0-9_]+/.exec(text) || []
  const code = own || CODES.get(text) || TEXT.GRAPE_ANSWER
  // A web server's page, or an empty answer; grapes describe the failure of a put in words.
  const isOdd = code === TEXT.GRAPE_ANSWER && (type !== 'put' || text === '')
  return late(isOdd ? `${code}: ${text || 'an empty text'}` : text, { code })
}

module.exports = { refusalOf }
