'use strict'

// The original packages and this one, by the same names.

const original = {
  name: 'original',
  ...require('grenache-nodejs-ws'),
  Link: require('grenache-nodejs-link')
}

const native = { name: 'native', ...require('../..') }

module.exports = { native, original, byName: { native, original } }
