'use strict'

/** Processor time of this process so far, in microseconds. */
function cpu () {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Processor time, and resident memory in bytes: with `gc`, only of memory in use. */
function usage ({ gc } = {}) {
  if (gc) collect()
  return { cpu: cpu(), rss: process.memoryUsage().rss }
}

function collect () {
  if (process.versions.bun) return globalThis.Bun.gc(true)
  // The second one frees memory that finalizers of the first released.
  global.gc()
  global.gc()
}

module.exports = { cpu, usage }
