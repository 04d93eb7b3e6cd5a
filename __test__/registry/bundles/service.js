'use strict'

const grenache = require('grenache-nodejs-ws-native')
const answer = require('./answer')

answer(grenache, grenache.Link)
