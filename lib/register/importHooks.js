'use strict'

// Resolves `import`. Node runs this in the application's thread, or in a separate one.

const { fileURLToPath, pathToFileURL } = require('url')
const { byFile, byName } = require('./aliases')

exports.resolve = function (specifier, context, nextResolve) {
  const named = byName(specifier)
  if (named !== undefined) return module(named)
  const next = nextResolve(specifier, context)
  return next instanceof Promise ? next.then(redirect) : redirect(next)
}

function redirect (next) {
  const file = next.url.startsWith('file:') ? byFile(fileURLToPath(next.url)) : undefined
  return file === undefined ? next : module(file)
}

function module (file) {
  return { url: pathToFileURL(file).href, format: 'commonjs', shortCircuit: true }
}
