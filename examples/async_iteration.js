'use strict'

// Receives the messages of a publisher in a `for await` loop.
//
//   node examples/async_iteration.js

const { once } = require('events')
const { PeerPub, PeerSub, Link } = require('..')

async function main () {
  const link = new Link({ grape: process.env.GRAPE || 'embedded' })
  link.start()

  const publisher = new PeerPub(link, {})
  publisher.init()
  const service = publisher.transport('server').listen(0)
  await link.promises.startAnnouncing('iteration_test', service.port)

  const subscriber = new PeerSub(link, {})
  subscriber.init()
  subscriber.sub('iteration_test')
  await once(subscriber, 'connected')

  let count = 0
  const timer = setInterval(() => service.pub(`message ${++count}`), 10)
  for await (const message of subscriber) {
    console.log(message)
    if (message === 'message 3') break
  }
  clearInterval(timer)

  subscriber.stop()
  publisher.stop()
  link.stop()
}

main()
