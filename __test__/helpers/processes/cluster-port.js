'use strict'

// A cluster of one worker that listens on any free port: says which one the worker has at once, and which one the
// primary hears.

const cluster = require('cluster')

const [how, host] = process.argv.slice(2)

if (cluster.isPrimary) {
  const worker = cluster.fork()
  const heard = []
  let port
  const ends = () => { if (heard.length > 0 && port !== undefined) worker.disconnect() }
  worker.on('message', message => { port = message.port; ends() })
  worker.on('listening', ({ port }) => { heard.push(port); ends() })
  worker.on('exit', (code, signal) => {
    console.log(JSON.stringify({ port, heard, code, signal }))
    process.exit()
  })
} else {
  const { PeerRPCServer } = require('../../..')
  const parts = Object.entries(JSON.parse(process.env.SECURE)).map(([name, text]) => [name, Buffer.from(text, 'base64')])
  const secure = how === 'tls' ? { ...Object.fromEntries(parts), verifyClient: () => true } : undefined
  const peer = new PeerRPCServer({}, { ...host && { host }, ...secure && { secure } })
  peer.init()
  process.send({ port: peer.transport('server').listen(0).port })
}
