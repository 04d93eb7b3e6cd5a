'use strict'

// Three servers of one service, one of them slow, and how clients distribute their requests among
// them.
//
//   node examples/balance.js

const { setTimeout: sleep } = require('timers/promises')
const { PeerRPCClient, PeerRPCServer, Link } = require('..')

const REQUESTS = 300
const TOGETHER = 10

async function main () {
  const link = new Link({ grape: process.env.GRAPE || 'embedded' })
  link.start()

  const names = ['slow', 'fast', 'also fast']
  const servers = []
  for (const name of names) {
    const server = new PeerRPCServer(link, {})
    server.init()
    servers.push(server)
    const service = server.transport('server').listen(0)
    service.handle('balance_test', async () => {
      if (name === 'slow') await sleep(20)
      return name
    })
    await link.promises.startAnnouncing('balance_test', service.port)
  }

  for (const balance of ['random', 'round-robin', 'least-pending']) {
    const client = new PeerRPCClient(link, { balance })
    client.init()
    const answers = Object.fromEntries(names.map(name => [name, 0]))
    const asking = async () => {
      for (let at = 0; at < REQUESTS / TOGETHER; at++) answers[await client.request('balance_test', null)]++
    }
    await Promise.all(Array.from({ length: TOGETHER }, asking))
    console.log(balance, answers)
    client.stop()
  }

  for (const server of servers) server.stop()
  link.stop()
}

main()
