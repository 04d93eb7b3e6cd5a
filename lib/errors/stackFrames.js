'use strict'

// Stacks as text, and where they enter the service's own code.

const path = require('path')

/** A bundle of ES modules has no __dirname. */
const FOLDER = typeof __dirname === 'string' ? path.dirname(__dirname) : '/nowhere'

/** Lines of this package, of the originals, and of Node. */
const PACKAGE = new RegExp(`[(/ ]${escaped(FOLDER)}[/\\\\]|[/\\\\]node_modules[/\\\\](grenache-|async[/\\\\])|\\(?node:|\\(<anonymous>\\)`)

function escaped (text) {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}

/** A stack as text; empty if there is none. */
function stackOf (object) {
  try {
    return typeof object.stack === 'string' ? object.stack : ''
  } catch (err) {
    // A user's `Error.prepareStackTrace` threw, or the value is no object.
    return ''
  }
}

/** The lines of a stack that are calls. */
function allFramesOf (stack) {
  return stack.split('\n').filter(line => /^\s+at /.test(line))
}

/** The lines of a stack from the service's first own call on. */
function framesOf (stack) {
  const frames = allFramesOf(stack)
  const first = frames.findIndex(line => !PACKAGE.test(line))
  return first === -1 ? [] : frames.slice(first)
}

/** Where a stack enters the service's own code: `function (file:line:column)`; null if it does not. */
function placeIn (stack) {
  const [frame] = framesOf(stack)
  return frame === undefined ? null : frame.trim().slice('at '.length)
}

module.exports = { allFramesOf, framesOf, placeIn, stackOf }
