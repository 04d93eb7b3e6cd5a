'use strict'

/** Puts `value` in the place of a global function for one test. */
function replaceGlobal (t, name, value) {
  const descriptor = Object.getOwnPropertyDescriptor(global, name)
  Object.defineProperty(global, name, { value, writable: true, configurable: true })
  t.after(() => Object.defineProperty(global, name, descriptor))
}

/**
 * Stops `Date.now` and `setInterval` for a test; `tick(ms)` turns them on. Not every runtime has
 * timers of its own for tests.
 * @param {object} t the test's context
 */
function stopClock (t) {
  let now = Date.now()
  const timers = new Set()
  t.mock.method(Date, 'now', () => now)
  replaceGlobal(t, 'setInterval', (callback, interval) => {
    const timer = { callback, interval, next: now + interval }
    timers.add(timer)
    return timer
  })
  replaceGlobal(t, 'clearInterval', timer => timers.delete(timer))

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

module.exports = { replaceGlobal, stopClock }
