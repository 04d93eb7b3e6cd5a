'use strict'

// When what was composed for streams is written, whose bytes JavaScript moves. One write for all that
// a turn composes costs less than one for each; but nobody writes a frame that waits while its sender
// works on. So a frame is written at once, until turns have several frames and none waited for long.

const { dateNow, nextTick } = require('./clock')
const { LATE_PUMP, PROMPT_TURNS, SEVERAL_COST } = require('./defaults')

/** Streams that have something to write when the turn ends. */
const waiting = new Set()

/** Above half of its most: the first frame of a stream in a turn is written at once. */
let promptness = PROMPT_TURNS
/** The turn's frames that came here, and when the first did; none: the turn's end is not waited for. */
let frames = 0
let since = 0

/** Whether a frame that is composed now should be written at once. */
function isPrompt () {
  if (frames++ === 0) {
    since = dateNow()
    nextTick(endTurn)
  }
  return promptness > PROMPT_TURNS / 2
}

/** The process ends, and no turn ends before it. */
let isLast = false

function writeAtOnce () {
  isLast = true
}

/** Calls `stream.pump()` when the turn ends. */
function pumpSoon (stream) {
  if (isLast) stream.writeAll()
  else waiting.add(stream)
}

function endTurn () {
  // The sender worked on, and whoever does that may do it again.
  if (dateNow() - since >= LATE_PUMP) promptness = PROMPT_TURNS
  else if (frames === 1) promptness = Math.min(promptness + 1, PROMPT_TURNS)
  else promptness = Math.max(promptness - SEVERAL_COST, 0)
  frames = 0
  pumpAll()
}

function pumpAll () {
  if (waiting.size === 0) return
  for (const stream of waiting) stream.pump()
  waiting.clear()
}

/** Whether something waits for the turn's end. */
const isWaiting = () => waiting.size > 0

module.exports = { isPrompt, isWaiting, pumpAll, pumpSoon, writeAtOnce }
