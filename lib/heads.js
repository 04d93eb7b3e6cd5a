'use strict'

const { MAX_INFORMATION } = require('./defaults')

/** Calls `end(head)` when the server of a request of Node's goes on with heads that are no answer. */
function limitHeads (request, end) {
  let heads = 0
  request.on('information', head => ++heads > MAX_INFORMATION && end(head))
}

module.exports = limitHeads
