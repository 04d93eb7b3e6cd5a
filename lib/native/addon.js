'use strict'

const { version } = require('../../package.json')

module.exports = load()

function load () {
  let binding
  try {
    binding = require('../../binding.js')
  } catch (err) {
    throw unavailable(err)
  }
  // The interface between the two may change with each version.
  if (binding.VERSION !== version) throw unavailable(undefined, binding.VERSION || 'older')
  return binding
}

/**
 * @param {Error} [err] binding.js tries a file and a package, and its exception helps only its authors
 * @param {string} [found] version of an addon that does not match
 */
function unavailable (err, found) {
  const { advice, factsOf } = require('../../install/advice')
  const facts = factsOf(err, found)
  const error = new Error(advice(facts), facts.failure && { cause: facts.failure })
  return Object.assign(error, { code: 'ERR_ADDON_UNAVAILABLE' })
}
