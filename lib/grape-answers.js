'use strict'

// A grape tells most of its failures as an answer: a text, with HTTP status 200. Callbacks get that as
// their result, as with the original; promises, events, counts and pauses take it for the failure that
// it is.

const { TEXT } = require('./errors')
const { late } = require('./failure')
const { inLine } = require('./printable')

/** Texts of grapes that have no code of their own in front. */
const CODES = new Map([
  ['No nodes to query', TEXT.GRAPE_ALONE],
  ['All queries failed', TEXT.GRAPE_ALONE]
])

const isText = answer => typeof answer === 'string'

/** How many nodes have it. Lists and nothing come from what stands in for a grape. */
const isTaken = answer => !isText(answer) && (answer === null || typeof answer !== 'object' || Array.isArray(answer))

/** A hash, and no sentence. */
const isPut = answer => !isText(answer) || (answer !== '' && !/\s|^ERR_/.test(answer))

/** What is an answer to a request of each type; to others anything is. */
const ANSWERS = {
  announce: isTaken,
  unannounce: isTaken,
  put: isPut,
  // Nothing is found: an empty text.
  get: answer => !isText(answer) || answer === '',
  lookup: answer => !isText(answer)
}

/** The Error for an answer that is none, with its text and a code; null for a good one. */
function refusalOf (type, answer) {
  const isAnswer = Object.hasOwn(ANSWERS, type) ? ANSWERS[type] : null
  if (isAnswer === null || isAnswer(answer)) return null
  const text = inLine(answer)
  const [own] = /^ERR_[A-Z0-9_]+/.exec(text) || []
  const code = own || CODES.get(text) || TEXT.GRAPE_ANSWER
  // A page of a web server, or nothing; of a put grapes say in words what is wrong with it.
  const isOdd = code === TEXT.GRAPE_ANSWER && (type !== 'put' || text === '')
  return late(isOdd ? `${code}: ${text || 'an empty text'}` : text, { code })
}

module.exports = { refusalOf }
