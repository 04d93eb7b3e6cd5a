'use strict'

// node --require grenache-nodejs-ws-native/register app.js
// node --import grenache-nodejs-ws-native/register app.mjs
//
// Makes grenache-nodejs-ws, grenache-nodejs-link and grenache-grape, and their lib/*, resolve to
// this package.

const Module = require('module')
const path = require('path')
const { pathToFileURL } = require('url')
const importHooks = require('./lib/register/importHooks')
const { byFile, byName } = require('./lib/register/aliases')

const resolve = Module._resolveFilename

Module._resolveFilename = function (request, parent, ...args) {
  const named = byName(request)
  if (named !== undefined) return named
  const found = resolve.call(this, request, parent, ...args)
  // An address that `import` has resolved: its module is found under that name.
  if (found === request && !parent && !Module.registerHooks) return found
  return (path.isAbsolute(found) && byFile(found)) || found
}

// Where `import` has no hooks, it finds the replaced package's file, and gets the exports set here.
if (!Module.registerHooks) {
  const load = Module._extensions['.js']
  Module._extensions['.js'] = function (module, filename) {
    const file = byFile(filename)
    if (file === undefined) return load.call(this, module, filename)
    module.exports = require(file)
  }
}

// Before Node 22.15 hooks need a thread, which is only started for `import`: the module then has no parent.
if (Module.registerHooks) Module.registerHooks(importHooks)
else if (Module.register && !module.parent) Module.register(pathToFileURL(require.resolve('./lib/register/importHooks')))
