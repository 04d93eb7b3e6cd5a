'use strict'

// One listener of the process' exit, however many copies of the package are loaded: test runners load
// it anew for each file, and Node warns of eleven listeners.

const vm = require('vm')

const CALLS = Symbol.for('grenache-nodejs-ws-native.exit')

/**
 * What the process keeps is made in the main realm: it would keep all of the realm that it is from, and a
 * test runner takes that apart when its file is done.
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

/** Calls `call` when the process exits, unless nobody else keeps it any more by then. */
function atExit (call) {
  if (process[CALLS] === undefined) vm.runInThisContext(MAIN, { filename: __filename })(process, CALLS)
  process[CALLS](call)
}

module.exports = atExit
