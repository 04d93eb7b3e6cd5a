'use strict'

const { freePort, withChildren } = require('../lib/processes')
const { NEWS } = require('../lib/payloads')

/** Share of the messages that are sent before, as a warm-up. */
const WARM = 0.2

/** One publisher, and `subscribers` in one process: `total` messages, as fast as all keep up. */
function measurePublish ({ server, client }, { subscribers, perTick, total }) {
  return withChildren(async ({ peer }) => {
    const port = await freePort()
    const publisher = peer(server, 'publisher', port)
    await publisher.ready
    const hearing = peer(client, 'subscribers', port)
    await hearing.ask('subscribe', { count: subscribers })
    const publish = async total => {
      const deliveries = total * subscribers
      await hearing.ask('hear', { count: deliveries })
      const { cpu } = await publisher.ask('publish', { perTick, text: NEWS, total })
      const heard = await hearing.ask('heard')
      return {
        'deliveries/s': deliveries / heard.seconds,
        'publisher CPU us': cpu / deliveries,
        'subscriber CPU us': heard.cpu / deliveries
      }
    }
    await publish(total * WARM)
    return publish(total)
  })
}

module.exports = { measurePublish }
