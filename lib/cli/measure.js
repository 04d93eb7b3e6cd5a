'use strict'

// Measures how fast a service replies.

const { createHistogram } = require('perf_hooks')
const { WAIT, amount, count, json } = require('./arguments')
const { find } = require('./calls')
const { MEASURE } = require('../options/defaults')

module.exports = [
  {
    name: 'bench',
    args: '<key> [<json>]',
    help: 'asks a service as often as it answers: requests a second, and latencies in ms',
    details: ['The service gets each of these requests, with null or the payload that is given.'],
    options: {
      'in-flight': { value: 'n', read: count, default: MEASURE.inFlight, help: 'requests that wait for their answers at once' },
      seconds: { value: 's', read: amount, default: MEASURE.seconds, help: 'how long' },
      wait: WAIT
    },
    async run (session, key, payload = 'null') {
      const { 'in-flight': inFlight, seconds } = session.options
      const value = json(await session.text(payload))
      const { client } = await find(session, key)
      const ask = done => client.request(key, value, {}, done)
      // Connects, and fails before anything is measured.
      await session.answer(ask)
      const result = await measure(ask, inFlight, seconds)
      session.print(result.figures, readable(result.figures))
      if (result.error) throw result.error
    }
  }
]

/** Keeps `inFlight` requests pending for `seconds`; resolves with figures, and the first error. */
function measure (ask, inFlight, seconds) {
  const latencies = createHistogram()
  const began = performance.now()
  const end = began + seconds * 1000
  let answers = 0
  let errors = 0
  let error = null
  let open = 0
  return new Promise(resolve => {
    const send = () => {
      const sent = performance.now()
      open++
      ask(err => {
        const now = performance.now()
        open--
        if (err) {
          errors++
          error = error || err
        } else {
          answers++
          latencies.record(Math.max(1, Math.round((now - sent) * 1e6)))
        }
        // An error may be synchronous: sending the next request at once would never end.
        if (now < end) return err ? setImmediate(send) : send()
        if (open === 0) resolve({ figures: figures((now - began) / 1000), error })
      })
    }
    for (let at = 0; at < inFlight; at++) send()
  })

  function figures (took) {
    const ms = ns => answers === 0 ? null : +(ns / 1e6).toFixed(3)
    return {
      requestsPerSecond: Math.round(answers / took),
      p50: ms(latencies.percentile(50)),
      p99: ms(latencies.percentile(99)),
      max: ms(latencies.max),
      answers,
      errors,
      inFlight,
      seconds: +took.toFixed(3)
    }
  }
}

function readable ({ requestsPerSecond, p50, p99, max, answers, errors, inFlight, seconds }) {
  const number = value => value.toLocaleString('en')
  return [
    `${number(requestsPerSecond)} requests a second, ${inFlight} in flight`,
    `p50 ${p50} ms, p99 ${p99} ms, max ${max} ms`,
    `${number(answers)} answers and ${number(errors)} errors in ${seconds} s`
  ].join('\n')
}
