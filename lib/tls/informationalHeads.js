'use strict'

const { MAX_INFORMATION } = require('../options/defaults')

/**
 * Calls `end(head)` when a server continues to send informational heads instead of a response; `request` is Node's.
 */
function limitHeads (request, end) {
  let heads = 0
  request.on('information', head => ++heads > MAX_INFORMATION && end(head))
}

module.exports = limitHeads
