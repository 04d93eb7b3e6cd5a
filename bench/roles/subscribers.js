'use strict'

const { answer } = require('../lib/commands')
const { cpu } = require('../lib/usage')

/** Counts what all subscribers hear together. */
module.exports = async function subscribers (implementation, what) {
  let received = 0
  let expected = Infinity
  let first
  let before
  let done

  const onMessage = () => {
    if (received++ === 0) first = performance.now()
    if (received === expected) done()
  }

  answer({
    subscribe: ({ count }) => implementation.subscribe(what, count, onMessage),

    begin () {
      received = 0
      expected = Infinity
      before = cpu()
    },

    /** Resolves when `count` messages have come since `begin`. */
    async until ({ count }) {
      expected = count
      if (received < count) await new Promise(resolve => { done = resolve })
      return { seconds: (performance.now() - first) / 1000, cpu: cpu() - before }
    }
  })
}
