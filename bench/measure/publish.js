'use strict'

const { freePort, withChildren } = require('../lib/processes')
const { NEWS } = require('../lib/payloads')

/** One publisher, and `subscribers` in one process; as fast as they keep up. */
function measurePublish ({ server, client }, { subscribers, perTick, seconds, warm }) {
  return withChildren(async ({ peer }) => {
    const port = await freePort()
    const publisher = peer(server, 'publisher', port)
    await publisher.ready
    const hearing = peer(client, 'subscribers', port)
    await hearing.ask('subscribe', { count: subscribers })
    const publish = async seconds => {
      await hearing.ask('begin')
      const { total, cpu } = await publisher.ask('publish', { perTick, text: NEWS, seconds })
      const deliveries = total * subscribers
      const heard = await hearing.ask('until', { count: deliveries })
      return {
        'deliveries/s': deliveries / heard.seconds,
        'publisher CPU us': cpu / deliveries,
        'subscriber CPU us': heard.cpu / deliveries
      }
    }
    await publish(warm)
    return publish(seconds)
  })
}

module.exports = { measurePublish }
