'use strict'

// What happens to services in a network that is not perfect. Each scenario has a lab of its own, and
// says what a service sees; `expect` throws where that is not what ours promises. `slack` is 2 where
// other work may share the machine, as with the tests, else 1. Those `alone` want the machine for themselves.
// Those `of` grapes alone have nothing to do with the I/O driver or with TLS, those of publishers not with TLS.

module.exports = [
  ...require('./scenarios/grapes'),
  ...require('./scenarios/servers'),
  ...require('./scenarios/clients'),
  ...require('./scenarios/subscribers'),
  ...require('./scenarios/connections')
]
