'use strict'

module.exports = require('./lib/grape/testGrapes')
