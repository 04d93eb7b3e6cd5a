'use strict'

// The classes of the original packages, also those that their main files do not export, and ours.

const original = {
  ...require('grenache-nodejs-ws'),
  TransportPub: require('grenache-nodejs-ws/lib/TransportPub'),
  TransportSub: require('grenache-nodejs-ws/lib/TransportSub'),
  Link: require('grenache-nodejs-link'),
  Grape: require('grenache-grape').Grape
}

/** By name, of `original` or `native`. */
function classesOf (which) {
  return which === 'original' ? original : { ...require('../../..') }
}

module.exports = { classesOf }
