'use strict'

// A process on a host of the lab: runs commands from its channel, and ends with it.

const roles = require('./roles')

process.on('message', async ({ id, role, args }) => {
  try {
    process.send({ id, res: await roles[role](args || {}) })
  } catch (err) {
    process.send({ id, err: err.stack || String(err) })
  }
})
process.on('disconnect', () => process.exit())
process.send({ ready: true })
