'use strict'

// One process of a measurement:
//
//   node peer.js '{"module":"grenache","role":"server","port":1234}'

const what = JSON.parse(process.argv[2])
const implementation = require(`./implementations/${what.module}`)

require(`./roles/${what.role}`)(implementation, what)
