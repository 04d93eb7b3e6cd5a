'use strict'

const { clearInterval, monotonic, setImmediate, setInterval } = require('./clock')
const dispatch = require('./dispatch')
const { DRAIN_POLL, FAREWELL_TIMEOUT, GOING_AWAY } = require('./defaults')
const { kStopAnnouncingPort } = require('./internal')

/** Resolves once `isDone()`, or after `ms`. */
function settled (isDone, ms) {
  if (isDone()) return Promise.resolve()
  return new Promise(resolve => {
    const end = monotonic() + ms
    const poll = setInterval(() => {
      if (!isDone() && monotonic() < end) return
      clearInterval(poll)
      // After long work what it waits for may have come, and is not read yet.
      if (isDone()) resolve()
      else setImmediate(resolve)
    }, DRAIN_POLL)
  })
}

/** Closes connections in order; resolves when they are closed, or have had time for it. */
function farewell (connections) {
  for (const connection of connections) connection.close(GOING_AWAY, '')
  return settled(() => connections.every(({ over }) => over), FAREWELL_TIMEOUT)
}

/** Ends a transport's listener: its service is announced no more, and has `ms` for what it was asked. */
async function drainServer (transport, listener, ms) {
  const { link } = transport.client || {}
  if (link && typeof link[kStopAnnouncingPort] === 'function') link[kStopAnnouncingPort](transport.port)
  listener.unlisten()
  await settled(() => [...listener.connections].every(isIdle), ms)
  await farewell([...listener.connections])
}

/** All requests are answered, and all answers are out. */
function isIdle ({ over, conn }) {
  return over || (dispatch.unanswered(conn) <= 0 && dispatch.waiting(conn) === 0)
}

module.exports = { drainServer, farewell, settled }
