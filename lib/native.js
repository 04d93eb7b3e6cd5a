'use strict'

const { version } = require('../package.json')

module.exports = load()

function load () {
  let binding
  try {
    binding = require('../binding.js')
  } catch (err) {
    throw unavailable(err)
  }
  // What the two say to each other may change with each version.
  if (binding.VERSION !== version) throw unavailable(undefined, binding.VERSION || 'older')
  return binding
}

/**
 * @param {Error} [err] binding.js tries a file and a package, and throws what only its authors can use
 * @param {string} [found] version of an addon that does not fit
 */
function unavailable (err, found) {
  const { advice, factsOf } = require('./advice')
  const facts = factsOf(err, found)
  const error = new Error(advice(facts), facts.failure && { cause: facts.failure })
  return Object.assign(error, { code: 'ERR_ADDON_UNAVAILABLE' })
}
