'use strict'

/** Most latencies that are kept; a second of one request at a time has far fewer. */
const MOST = 1 << 18

/** Latencies of requests. */
class Latencies {
  constructor () {
    this.samples = new Float64Array(MOST)
    this.count = 0
  }

  /** @param {number} ms */
  add (ms) {
    if (this.count < MOST) this.samples[this.count++] = ms
  }

  /** In microseconds. */
  summary () {
    const sorted = this.samples.subarray(0, this.count).sort()
    const at = share => sorted[Math.floor(sorted.length * share)] * 1000
    return { p50: at(0.5), p99: at(0.99) }
  }
}

module.exports = { Latencies }
