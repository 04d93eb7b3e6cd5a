'use strict'

// The native core: one per JavaScript environment. `core` has the calls that are made now and then, and `raw` those of
// the hot path.

const { Core, NativeGrape } = require('./addon')
const { retain } = require('./keepAlive')
const { isNode, silenceAtUnload } = require('./runtime')

/** Called when received messages wait for delivery. */
let onWake = () => {}

function wake () {
  onWake()
}

const core = new Core(wake, isNode ? process.versions.uv : undefined)
// The native side holds no JavaScript objects, so that a test runner can release the modules of one test file. The
// callback lives as long as the core, and the core as long as something is open.
core.onWake = wake
retain(core)
silenceAtUnload([Core, NativeGrape])

module.exports = { core, raw: core.raw(), whenWoken (call) { onWake = call } }
