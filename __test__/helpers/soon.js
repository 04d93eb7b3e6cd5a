'use strict'

// Preloaded: announces follow each other soon.

require('../../lib/defaults').ANNOUNCE_INTERVAL = 200
