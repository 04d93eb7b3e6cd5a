'use strict'

module.exports.PeerRPCClient = require('./lib/PeerRPCClient')
module.exports.PeerRPCServer = require('./lib/PeerRPCServer')
module.exports.TransportRPCClient = require('./lib/TransportRPCClient')
module.exports.TransportRPCServer = require('./lib/TransportRPCServer')
module.exports.Link = require('./lib/Link')
