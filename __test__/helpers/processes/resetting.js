'use strict'

// A process of clients that send a request and reset their connections when it is told to.
//
//   resetting.js <port> <count> <file written when it is done>

const fs = require('fs')
const { once } = require('events')
const { TEXT, frame, rawClient } = require('../../../scripts/lib/frames')

const [port, count, file] = process.argv.slice(2)

async function main () {
  const stage = { after () {} }
  const clients = await Promise.all(Array.from({ length: +count }, () => rawClient(stage, +port)))
  const told = once(process, 'message')
  process.send('connected')
  await told
  for (const { socket } of clients) {
    await new Promise(resolve => socket.write(frame(TEXT, '["r","k",1]', { masked: true }), resolve))
    socket.resetAndDestroy()
  }
  await Promise.all(clients.map(({ socket }) => socket.closed || once(socket, 'close')))
  fs.writeFileSync(file, '')
}

main()
