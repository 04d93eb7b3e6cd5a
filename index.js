'use strict'

module.exports.PeerRPCClient = require('./lib/PeerRPCClient')
module.exports.PeerRPCServer = require('./lib/PeerRPCServer')
module.exports.PeerPub = require('./lib/PeerPub')
module.exports.PeerSub = require('./lib/PeerSub')
module.exports.TransportRPCClient = require('./lib/TransportRPCClient')
module.exports.TransportRPCServer = require('./lib/TransportRPCServer')
module.exports.TransportPub = require('./lib/TransportPub')
module.exports.TransportSub = require('./lib/TransportSub')
module.exports.Link = require('./lib/Link')
module.exports.Grape = require('./lib/Grape')
module.exports.gracefulShutdown = require('./lib/base/gracefulShutdown')
module.exports.actions = require('./lib/server/actions')
