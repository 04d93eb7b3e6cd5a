'use strict'

/** Puts `value` in the place of `object[name]` for one test. */
function replace (t, object, name, value) {
  const descriptor = Object.getOwnPropertyDescriptor(object, name)
  Object.defineProperty(object, name, { value, writable: true, configurable: true })
  t.after(() => Object.defineProperty(object, name, descriptor))
}

/**
 * Stops `Date.now` and `setInterval` for a test; `tick(ms)` turns them on. Not every runtime has
 * timers of its own for tests.
 * @param {object} t the test's context
 */
function stopClock (t) {
  let now = Date.now()
  const timers = new Set()
  replace(t, Date, 'now', () => now)
  replace(t, global, 'setInterval', (callback, interval) => {
    const timer = { callback, interval, next: now + interval }
    timers.add(timer)
    return timer
  })
  replace(t, global, 'clearInterval', timer => timers.delete(timer))

  return {
    tick (ms) {
      for (const end = now + ms; now < end;) {
        now++
        for (const timer of [...timers]) {
          if (timer.next !== now || !timers.has(timer)) continue
          timer.next += timer.interval
          timer.callback()
        }
      }
    }
  }
}

module.exports = { replace, stopClock }
