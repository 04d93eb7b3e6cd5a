'use strict'

// `gracefulShutdown`: stops a service in order.

const { constants } = require('os')
const { monotonic, nextTick } = require('../util/clock')
const { FAREWELL_SHARE, SHUTDOWN, STOP_GRACE } = require('../options/defaults')
const { badValue } = require('../errors/errors')
const { kStopAnnouncingAll } = require('../util/symbols')
const { debug } = require('../observe/channels')
const { CALLS } = require('../options/optionTable')
const { within } = require('../util/promises')

/** The shutdowns that each signal begins. One process listener serves all, however many services there are. */
const bySignal = new Map()

/** Its options; a mistyped one would be a signal that stops nothing. */
const NAMES = ['link', 'peers', 'drain', 'signals']

function onSignal (signal) {
  const shutdowns = [...bySignal.get(signal)]
  // A second signal: the user does not want to wait.
  if (shutdowns.some(({ isSignalled }) => isSignalled)) process.exit(128 + constants.signals[signal])
  for (const shutdown of shutdowns) {
    shutdown.isSignalled = true
    shutdown.begin(signal)
  }
}

function listen (signal, shutdown) {
  if (!bySignal.has(signal)) {
    bySignal.set(signal, new Set())
    process.on(signal, onSignal)
  }
  bySignal.get(signal).add(shutdown)
}

function unlisten (signal, shutdown) {
  const shutdowns = bySignal.get(signal)
  if (shutdowns === undefined || !shutdowns.delete(shutdown) || shutdowns.size > 0) return
  bySignal.delete(signal)
  process.removeListener(signal, onSignal)
}

/**
 * Stops a service in order when a signal arrives, after which the process may exit; another signal meanwhile exits at
 * once. Announces end first, then servers and subscribers finish their pending work, then clients and publishers,
 * which that work may need, then the link, then grapes, which the link tells.
 * @param {object} opts `link` and `peers`, each one or an array, at least one of them; `drain` ms for all of it;
 *   `signals`
 * @param {function(Error, string)} [cb] called when everything has stopped, with the first error, if any, and the
 *   signal
 * @return {object} `now()` begins it, `remove()` stops listening to signals, `done` is a Promise of its end
 */
function gracefulShutdown (opts = {}, cb) {
  for (const name of Object.keys(opts)) {
    if (!NAMES.includes(name)) throw badValue(name, opts[name], `left out: the options are ${NAMES.join(', ')}`)
  }
  const { link, peers, drain, signals } = opts
  // A signal would not end the process any more, and nothing else would. An empty array may still be filled.
  if ((link ?? peers ?? null) === null) throw badValue('peers', peers, `${STOPPABLE}, unless there is a link`)
  const names = listOf(signals ?? SHUTDOWN.signals)
  const unknown = names.filter(name => !Object.hasOwn(constants.signals, name))
  if (unknown.length > 0) throw badValue('signals', signals, 'the name of a signal, or an array of them')
  const parts = { links: stoppable('link', link), peers: stoppable('peers', peers), drain: CALLS.shutdown.drain.of(drain) }
  let finish
  const done = new Promise(resolve => { finish = resolve })
  const remove = () => { for (const name of names) unlisten(name, shutdown) }
  const shutdown = {
    isSignalled: false,
    isBegun: false,
    begin (signal) {
      if (shutdown.isBegun) return
      shutdown.isBegun = true
      debug('shutdown by %s', signal || 'a call')
      end(parts).then(errors => {
        remove()
        finish(signal)
        tell(errors[0] || null, signal, cb)
      })
    }
  }
  for (const name of names) listen(name, shutdown)
  const controls = {
    done,
    remove,
    now () {
      shutdown.begin(null)
      return done
    }
  }
  if (Symbol.dispose) Object.defineProperty(controls, Symbol.dispose, { value: remove })
  return controls
}

const STOPPABLE = 'something with a method stop, or an array of such things'

function listOf (value) {
  return Array.isArray(value) ? value : [value]
}

function stoppable (name, value) {
  const list = listOf(value ?? [])
  if (list.some(one => !one || typeof one.stop !== 'function')) {
    throw badValue(name, value, STOPPABLE)
  }
  return list
}

/** Stops all parts; resolves with the errors. */
async function end ({ links, peers, drain }) {
  const until = monotonic() + drain
  const left = () => Math.max(1, until - monotonic())
  const errors = []
  const attempt = async act => {
    try {
      await act()
    } catch (err) {
      errors.push(err)
    }
  }
  // A user's own `stop` may never finish.
  const stop = (things, act) => Promise.all(things.map(thing => attempt(() => within(left() + STOP_GRACE, act(thing)))))
  const stopPeer = peer => drain > 0 ? peer.stop({ drain: left() }) : peer.stop()

  const told = Promise.all(links.map(link => attempt(() => {
    const telling = Promise.resolve(link[kStopAnnouncingAll] && link[kStopAnnouncingAll]())
    if (drain > 0) return within(drain * FAREWELL_SHARE, telling)
    // Nothing waits for this promise.
    telling.catch(() => {})
  })))
  if (drain > 0) await told
  const grapes = peers.filter(isGrape)
  const others = peers.filter(peer => !isGrape(peer))
  await stop(others.filter(isAsked), stopPeer)
  await stop(others.filter(peer => !isAsked(peer)), stopPeer)
  await stop(links, link => link.stop())
  await stop(grapes, grape => new Promise((resolve, reject) => grape.stop(err => err ? reject(err) : resolve())))
  return errors
}

/** Whether it receives requests or messages: a server of requests, a subscriber. */
function isAsked (peer) {
  return typeof peer.sub === 'function' || (typeof peer.listen === 'function' && typeof peer.pub !== 'function')
}

/** Whether it is a grape, also one of the original package: its `stop` takes a callback. A link announces for longer. */
function isGrape (peer) {
  return typeof peer.announce === 'function' && typeof peer.lookup === 'function' && typeof peer.startAnnouncing !== 'function'
}

function tell (err, signal, cb) {
  // An exception in it is uncaught, as in any callback, and not a rejection.
  if (cb) nextTick(cb, err, signal)
  else if (err) process.emitWarning(`the shutdown is done, but for: ${err && err.message}`, { type: 'GrenacheWarning', code: 'ERR_SHUTDOWN' })
}

module.exports = gracefulShutdown
