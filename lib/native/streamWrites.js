'use strict'

// Decides when a stream's output is written, where JavaScript moves the bytes. One write for the whole output of a
// turn costs less than one for each frame; but a frame would wait while its sender continues to work. So a frame is
// written at once, until turns have several frames and none waited for long.

const { dateNow, nextTick } = require('../util/clock')
const { LATE_PUMP, PROMPT_TURNS, SEVERAL_COST } = require('../options/defaults')

/** Streams with output to be written when the turn ends. */
const waiting = new Set()

/** Above half of its maximum, the first frame of a stream in a turn is written at once. */
let promptness = PROMPT_TURNS
/** Number of the turn's frames, and the time of the first one; without any, the end of the turn is not awaited. */
let frames = 0
let since = 0

/** Whether a frame composed now should be written at once. */
function isPrompt () {
  if (frames++ === 0) {
    since = dateNow()
    nextTick(endTurn)
  }
  return promptness > PROMPT_TURNS / 2
}

/** The process exits, and there will be no end of the turn. */
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
  // The sender worked after its frame, and is likely to do so again.
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

/** Whether output waits for the end of the turn. */
const isWaiting = () => waiting.size > 0

module.exports = { isPrompt, isWaiting, pumpAll, pumpSoon, writeAtOnce }
