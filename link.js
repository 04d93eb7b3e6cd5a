'use strict'

module.exports = require('./lib/Link')
