'use strict'

/**
 * How long to wait before the next attempt after so many failures, in ms: twice as long each time, and
 * not all at once.
 * @param {{min: number, max: number}} wait the mean after the first one, and at most
 */
function waitAfter (failures, { min, max }) {
  return Math.min(max, min * 2 ** (failures - 1)) * (0.5 + Math.random())
}

module.exports = { waitAfter }
