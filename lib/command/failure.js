'use strict'

// How the command ends, and what it says then.

const { MAX_LINE } = require('../defaults')
const { TEXT } = require('../errors')
const { inLine } = require('../printable')

const EXIT = { OK: 0, FAILED: 1, USAGE: 2, NOTHING: 3, NO_ANSWER: 4 }

/** What each exit code means, for the help. */
const MEANING = {
  [EXIT.OK]: 'done',
  [EXIT.FAILED]: 'the service or the grape answered with an error, or something else failed',
  [EXIT.USAGE]: 'the command line makes no sense',
  [EXIT.NOTHING]: 'nothing found: nobody announced the key, or there is no such value',
  [EXIT.NO_ANSWER]: 'no answer: nobody there, the connection was lost, or the time is up'
}

const SILENCE = [TEXT.TIMEOUT, TEXT.TRANSPORT_CLOSE, TEXT.HANDSHAKE_TIMEOUT, TEXT.HANG_UP]

class Failure extends Error {
  constructor (message, exit) {
    super(message)
    this.exit = exit
  }
}

const usageError = message => new Failure(`${message}; try: grenache --help`, EXIT.USAGE)
const nothingFound = message => new Failure(message, EXIT.NOTHING)

/** What a grape says with status 200 that is no answer: a text is its error. */
function oddAnswer (answer) {
  const text = inLine(answer)
  return new Error(typeof answer === 'string' && text !== '' ? text : `the grape's answer makes no sense: ${text || 'an empty text'}`)
}

function exitCodeOf (err) {
  if (err.exit !== undefined) return err.exit
  if (err.message === TEXT.LOOKUP_EMPTY) return EXIT.NOTHING
  const isLost = err.code === 'ECONNRESET' || (err.syscall !== undefined && err.syscall !== 'listen')
  return isLost || SILENCE.includes(err.message) ? EXIT.NO_ANSWER : EXIT.FAILED
}

/** One line for people. */
function explain (err) {
  // What is longer is not shown.
  let text = String(err.message).slice(0, MAX_LINE + 1)
  if (err.message === TEXT.LOOKUP_EMPTY) text += ': nobody announced this key'
  if (err.message === TEXT.TIMEOUT) text += ': no answer in time'
  if (err.message === TEXT.TRANSPORT_CLOSE) text += ': the connection was lost'
  if (err.grape !== undefined && exitCodeOf(err) === EXIT.NO_ANSWER) {
    text += `; is there a grape at ${err.grape}? Name another one with --grape`
  }
  return inLine(text.replace(/\s+/g, ' '))
}

module.exports = { EXIT, MEANING, exitCodeOf, explain, nothingFound, oddAnswer, usageError }
