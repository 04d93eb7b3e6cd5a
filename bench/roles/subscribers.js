'use strict'

const { answer } = require('../lib/commands')
const { cpu } = require('../lib/usage')

/** Counts the messages that all subscribers receive together. */
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

    /** Confirms at once that it counts; `heard` returns how long the `count` messages took. */
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
