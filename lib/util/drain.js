'use strict'

const { clearInterval, monotonic, setImmediate, setInterval } = require('./clock')
const { DRAIN_POLL, FAREWELL_TIMEOUT, GOING_AWAY } = require('../options/defaults')
const { kStopAnnouncingPort } = require('./symbols')

/** Resolves once `isDone()`, or after `ms`. */
function settled (isDone, ms) {
  if (isDone()) return Promise.resolve()
  return new Promise(resolve => {
    const end = monotonic() + ms
    const poll = setInterval(() => {
      if (!isDone() && monotonic() < end) return
      clearInterval(poll)
      // After long work the awaited data may have arrived, and is not read yet.
      if (isDone()) resolve()
      else setImmediate(resolve)
    }, DRAIN_POLL)
  })
}

/** Closes connections in order; resolves when they are closed, or their time is over. */
function farewell (connections) {
  for (const connection of connections) connection.close(GOING_AWAY, '')
  return settled(() => connections.every(({ isClosed }) => isClosed), FAREWELL_TIMEOUT)
}

/** Drains a transport's listener: its service is no longer announced, and has `ms` for pending requests. */
async function drainServer (transport, listener, ms) {
  const { link } = transport.client || {}
  if (link && typeof link[kStopAnnouncingPort] === 'function') link[kStopAnnouncingPort](transport.port)
  listener.unlisten()
  // Each closes by itself: with many busy connections there is no moment at which all are idle.
  const own = []
  const last = []
  for (const connection of listener.connections) (connection.drain() ? own : last).push(connection)
  await settled(() => own.filter(isBusy).length === 0 && last.every(isDone), ms)
  await farewell([...own, ...last].filter(({ isClosed }) => !isClosed))
}

/** Closes a connection that is done; returns whether it is not. */
function isBusy (connection) {
  if (!isDone(connection)) return true
  connection.close(GOING_AWAY, '')
  return false
}

/** All requests have replies, and all replies are written. */
function isDone (connection) {
  return connection.isClosed || connection.closing || connection.isDrained()
}

module.exports = { drainServer, farewell, settled }
