'use strict'

// One listener for the process' exit, however many copies of the package are loaded: test runners load it anew for
// each file, and Node warns at eleven listeners.

const vm = require('vm')

const CALLS = Symbol.for('grenache-nodejs-ws-native.exit')

/**
 * Compiled in the main realm: an object that the process keeps would retain its whole realm, and a test runner
 * disposes of a file's realm when the file is done.
 */
const MAIN = `(process, CALLS) => {
  const calls = new Set()
  const add = call => {
    // Those of copies that are gone.
    for (const ref of calls) if (ref.deref() === undefined) calls.delete(ref)
    calls.add(new WeakRef(call))
  }
  Object.defineProperty(process, CALLS, { value: add })
  process.on('exit', () => {
    for (const ref of calls) {
      const call = ref.deref()
      if (call !== undefined) call()
    }
  })
}`

/** Calls `call` when the process exits. The reference is weak: the caller has to keep `call`. */
function atExit (call) {
  if (process[CALLS] === undefined) vm.runInThisContext(MAIN, { filename: __filename })(process, CALLS)
  process[CALLS](call)
}

module.exports = atExit
