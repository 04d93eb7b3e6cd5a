'use strict'

// What answers at once, in a process of its own, and says in a file that it has: prompt-peer.js
// '{"role": "server" | "client" | "grape", "implementation": "native", "secure": ..., ...}'.

const fs = require('fs')
const http = require('http')
const https = require('https')
const { byName } = require('../implementations')

const what = JSON.parse(process.argv[2])
const { PeerRPCServer, PeerRPCClient } = byName[what.implementation]
const secure = what.secure &&
  Object.fromEntries(Object.entries(what.secure).map(([name, text]) => [name, Buffer.from(text, 'base64')]))

const ROLES = {
  /** Answers each request; the payload is the file. */
  server () {
    const peer = new PeerRPCServer({}, secure ? { secure: { ...secure, verifyClient: () => true } } : {})
    peer.init()
    const service = peer.transport('server')
    service.on('request', (rid, key, file, handler) => {
      handler.reply(null, 'answer')
      if (file) fs.writeFileSync(file, '')
    })
    service.listen(what.port)
    process.send(what.port)
  },

  /** Connects, and says so by a request; each message is a request's timeout, and gets what came of it. */
  client () {
    const conf = { maxActiveDestTransports: 1, ...(secure && { secure }) }
    const peer = new PeerRPCClient({ lookup: (key, opts, cb) => cb(null, [what.dest]) }, conf)
    peer.init()
    peer.request('key', null, { timeout: 20000 }, () => process.send('connected'))
    process.on('message', timeout => peer.request('key', null, { timeout }, (err, res) => process.send(err ? err.message : res)))
  },

  /** Answers each lookup; the key is the file. */
  grape () {
    const answer = async (req, res) => {
      let text = ''
      for await (const chunk of req.setEncoding('utf8')) text += chunk
      res.end(JSON.stringify(['127.0.0.1:1337']), () => fs.writeFileSync(JSON.parse(text).data, ''))
    }
    const server = secure ? https.createServer(secure, answer) : http.createServer(answer)
    server.listen(0, '127.0.0.1', () => process.send(server.address().port))
  }
}

ROLES[what.role]()
process.on('disconnect', () => process.exit())
