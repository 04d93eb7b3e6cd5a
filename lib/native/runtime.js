'use strict'

// Bun and Deno are not Node: libuv's functions are missing there, or abort, and Deno frees native objects early.

const isNode = !process.versions.bun && !process.versions.deno

/**
 * Deno frees native objects when an environment ends, and may call back into it after that: from then on the methods
 * of these classes do nothing.
 */
function silenceAtUnload (classes) {
  if (!process.versions.deno) return
  globalThis.addEventListener('unload', () => {
    for (const { prototype } of classes) {
      for (const name of Object.keys(prototype)) Object.defineProperty(prototype, name, { value: () => {} })
    }
  })
}

module.exports = { isNode, silenceAtUnload }
