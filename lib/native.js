'use strict'

try {
  module.exports = require('../binding.js')
} catch (err) {
  throw unavailable(err)
}

/** binding.js tries a file and a package, and throws what only its authors can use. */
function unavailable (err) {
  const unfit = chain(err.cause).find(({ message }) => !message.startsWith('Cannot find module'))
  const advice = require('../scripts/advice')
  return Object.assign(new Error(advice(unfit ? unfit.message : 'none is prebuilt, and none was built here')), {
    code: 'ERR_ADDON_UNAVAILABLE'
  })
}

function chain (err) {
  return err instanceof Error ? [err, ...chain(err.cause)] : []
}
