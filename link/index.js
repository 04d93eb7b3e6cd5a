'use strict'

module.exports = require('grenache-nodejs-ws-native/link')
