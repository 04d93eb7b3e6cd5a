'use strict'

// node --require grape-port.js example.js: embedded links meet at GRAPE_PORT instead of at the port
// that any other process of the machine may use.

require('../../../lib/options/defaults').GRAPE_PORT = Number(process.env.GRAPE_PORT)
