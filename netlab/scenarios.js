'use strict'

// Services in networks with faults. Each scenario has a lab of its own, and reports what a service
// notices; `expect` throws if that is not what this package promises. `slack` is 2 if other work
// may share the machine, as with the tests, else 1. Scenarios that are `alone` need the machine for
// themselves. Those `of` grapes alone do not depend on the I/O driver or TLS, those of publishers
// not on TLS.

module.exports = [
  ...require('./scenarios/grapes'),
  ...require('./scenarios/servers'),
  ...require('./scenarios/clients'),
  ...require('./scenarios/subscribers'),
  ...require('./scenarios/connections')
]
