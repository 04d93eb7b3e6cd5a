'use strict'

// One listener of the process' exit, however many copies of the package are loaded: test runners load
// it anew for each file, and Node warns of eleven listeners.

const CALLS = Symbol.for('grenache-nodejs-ws-native.exit')

/** Calls `call` when the process exits, unless nobody else keeps it any more by then. */
function atExit (call) {
  if (process[CALLS] === undefined) {
    const calls = new Set()
    Object.defineProperty(process, CALLS, { value: calls })
    process.on('exit', () => {
      for (const ref of calls) {
        const call = ref.deref()
        if (call !== undefined) call()
      }
    })
  }
  // Those of copies that are gone.
  for (const ref of process[CALLS]) {
    if (ref.deref() === undefined) process[CALLS].delete(ref)
  }
  process[CALLS].add(new WeakRef(call))
}

module.exports = atExit
