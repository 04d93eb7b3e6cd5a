'use strict'

const { answer } = require('../lib/commands')
const { cpu } = require('../lib/usage')

/** Most buffered bytes for one subscriber before the publisher waits for it. */
const MOST_BEHIND = 1 << 14

const turn = () => new Promise(resolve => setImmediate(resolve))

/** Publishes `total` messages, `perTick` per turn, as long as the receivers keep up. */
module.exports = async function publisher (implementation, what) {
  const { publish, behind } = await implementation.publisher(what)
  answer({
    async publish ({ perTick, text, total }) {
      const before = cpu()
      for (let made = 0; made < total;) {
        for (let i = 0; i < perTick && made < total; i++, made++) {
          const sending = publish(text)
          if (sending) await sending
        }
        await turn()
        while (behind() > MOST_BEHIND) await turn()
      }
      return { cpu: cpu() - before }
    }
  })
}
