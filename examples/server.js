'use strict'

// Replies to 'hello' with 'world', as the service `rpc_test`.
//
//   node examples/server.js
//
// The examples find each other through the grape that the first of them runs. With grapes of your
// own, name one in the environment variable GRAPE, such as http://127.0.0.1:30001:
//   npx -p grenache-nodejs-ws-native grape --dp 20001 --aph 30001 --bn 127.0.0.1:20002
//   npx -p grenache-nodejs-ws-native grape --dp 20002 --aph 40001 --bn 127.0.0.1:20001

const { PeerRPCServer, Link } = require('..')

const link = new Link({ grape: process.env.GRAPE || 'embedded' })
link.start()

const peer = new PeerRPCServer(link, {})
peer.init()

const service = peer.transport('server')
service.listen(0)

service.on('request', (rid, key, payload, handler) => {
  if (payload === 'hello') return handler.reply(null, 'world')
  handler.reply(new Error(`cannot answer ${JSON.stringify(payload)}`))
})

link.startAnnouncing('rpc_test', service.port, {}, err => {
  if (err) throw err
  console.log(`rpc_test is announced at port ${service.port}`)
})

process.on('SIGINT', () => {
  peer.stop()
  link.stop()
})
