'use strict'

/** The texts of this process's warnings with a code, or of all, from now on until the test is over. */
function warningsOf (stage, code) {
  const warnings = []
  const hear = warning => { if (code === undefined || warning.code === code) warnings.push(warning.message) }
  process.on('warning', hear)
  stage.after(() => process.removeListener('warning', hear))
  return warnings
}

module.exports = { warningsOf }
