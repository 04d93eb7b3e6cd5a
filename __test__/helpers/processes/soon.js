'use strict'

// Preloaded: announces follow each other soon.

require('../../../lib/options/defaults').ANNOUNCE_INTERVAL = 200
