'use strict'

// The numbers on which this side and the native side agree, as src/node/layout.rs and src/config.rs have them.

module.exports = require('./addon').layout()
