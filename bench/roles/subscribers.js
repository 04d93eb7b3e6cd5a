'use strict'

const { answer } = require('../lib/commands')
const { cpu } = require('../lib/usage')

/** Counts what all subscribers hear together. */
module.exports = async function subscribers (implementation, what) {
  let received = 0
  let expected = 0
  let first
  let done
  let hearing
  const onMessage = () => {
    if (received++ === 0) first = performance.now()
    if (received === expected) done()
  }

  answer({
    subscribe: ({ count }) => implementation.subscribe(what, count, onMessage),

    /** Says at once that it hears; `heard` says how long the `count` messages took. */
    hear ({ count }) {
      received = 0
      expected = count
      const before = cpu()
      const all = new Promise(resolve => { done = resolve })
      hearing = all.then(() => ({ seconds: (performance.now() - first) / 1000, cpu: cpu() - before }))
    },

    heard: () => hearing
  })
}
