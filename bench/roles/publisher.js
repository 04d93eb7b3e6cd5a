'use strict'

const { answer } = require('../lib/commands')
const { cpu } = require('../lib/usage')

/** Bytes that may wait for one subscriber before the publisher waits for it. */
const MOST_BEHIND = 1 << 14

const turn = () => new Promise(resolve => setImmediate(resolve))

/** Publishes `perTick` messages a turn for `seconds`, as long as the receivers keep up. */
module.exports = async function publisher (implementation, what) {
  const { publish, behind } = await implementation.publisher(what)
  answer({
    async publish ({ perTick, text, seconds }) {
      const before = cpu()
      const end = performance.now() + seconds * 1000
      let total = 0
      while (performance.now() < end) {
        for (let i = 0; i < perTick; i++, total++) {
          const sending = publish(text)
          if (sending) await sending
        }
        await turn()
        while (behind() > MOST_BEHIND) await turn()
      }
      return { total, cpu: cpu() - before }
    }
  })
}
