'use strict'

// A process of another user: embedded-user.js <uid> <conf of its link>. A key that it is sent is
// looked up, and the error's text sent back.

const { Link } = require('../../..')
// Before it may not be able to read them.
require('../../../lib/grape/EmbeddedGrape')
const [uid, conf] = process.argv.slice(2)

process.setgid(+uid)
process.setuid(+uid)
const link = new Link({ grape: 'embedded', ...JSON.parse(conf) }).start()
process.send({ started: true })
process.on('message', key => link.lookup(key, { retry: 1 }, err => process.send(err.message)))
process.on('disconnect', () => process.exit())
