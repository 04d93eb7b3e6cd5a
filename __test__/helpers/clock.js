'use strict'

/**
 * Stops `Date.now` and `setInterval` for a test; `tick(ms)` turns them on. Node 18 has no timers
 * of its own for tests.
 * @param {object} t the test's context
 */
function stopClock (t) {
  let now = Date.now()
  const timers = new Set()
  t.mock.method(Date, 'now', () => now)
  t.mock.method(global, 'setInterval', (callback, interval) => {
    const timer = { callback, interval, next: now + interval }
    timers.add(timer)
    return timer
  })
  t.mock.method(global, 'clearInterval', timer => timers.delete(timer))

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

module.exports = { stopClock }
