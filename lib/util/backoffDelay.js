'use strict'

/**
 * Exponential backoff: the wait before the next attempt after this many failures, in ms. It doubles each time, with
 * jitter.
 * @param {{min: number, max: number}} wait the mean after the first failure, and the maximum
 */
function waitAfter (failures, { min, max }) {
  return Math.min(max, min * 2 ** (failures - 1)) * (0.5 + Math.random())
}

module.exports = { waitAfter }
