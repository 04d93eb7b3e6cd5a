'use strict'

const { PROBE_TYPE } = require('../options/defaults')
const { Tries } = require('../client/retry')
const { CallbackQueue } = require('../util/CallbackQueue')

/** Requests that change nothing. */
const READS = ['lookup', 'get', PROBE_TYPE]

/** Pending work between a link's start and its stop. */
class PendingWork {
  constructor () {
    this.isOver = false
    /** Read requests, and requests that change something. */
    this.reads = new Tries()
    this.changes = new Tries()
    /** Callbacks that wait for an exchange, by request. */
    this.flights = new CallbackQueue()
    /** Timeouts of the pending exchanges, by request. */
    this.timeouts = new Map()
    /** Functions that each cancel one read exchange. */
    this.posts = new Set()
  }

  triesOf (type) {
    return READS.includes(type) ? this.reads : this.changes
  }

  end (err) {
    this.isOver = true
    this.reads.end(err)
    this.changes.endWaiting(err)
    const posts = [...this.posts]
    this.posts.clear()
    for (const end of posts) end(err)
  }
}

/** Whether a request changes nothing at the grapes. */
PendingWork.isRead = type => READS.includes(type)

module.exports = PendingWork
