'use strict'

// Conditions that must hold after a soak.

const MIB = 1024 * 1024

/**
 * How far the median of the last quarter may exceed that of the second: a share, and an amount for
 * small values. V8 decides when garbage is collected, so memory varies most.
 */
const TOLERANCE = {
  rss: { share: 0.2, amount: 24 * MIB },
  handles: { share: 0.25, amount: 16 },
  descriptors: { share: 0.25, amount: 24 },
  numbers: { share: 0.25, amount: 24 },
  used: { share: 0.25, amount: 24 }
}

function median (values) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted.length > 0 ? sorted[sorted.length >> 1] : 0
}

/** Medians of the second and the last quarter of a run, by figure. */
function quarters ({ samples }) {
  const quarter = samples.length / 4
  const second = samples.slice(Math.floor(quarter), Math.floor(2 * quarter))
  const last = samples.slice(Math.floor(3 * quarter))
  return Object.fromEntries(Object.keys(TOLERANCE).map(figure => {
    const of = samples => median(samples.map(sample => sample[figure]))
    return [figure, { second: of(second), last: of(last) }]
  }))
}

/** `{ passed, failures, figures }`: texts of violated conditions, and the medians by process. */
function judge (actors, { steady, publisher, subscribers }) {
  const failures = []
  let passed = 0
  const check = (holds, text) => {
    if (holds) passed++
    else failures.push(text)
  }

  for (const { name, breaches } of actors) {
    check(breaches.length === 0, `${name}: ${breaches.join('; ')}`)
  }

  const figures = new Map()
  for (const actor of steady) {
    const medians = quarters(actor)
    figures.set(actor, medians)
    check(actor.samples.length >= 8, `${actor.name}: only ${actor.samples.length} samples`)
    for (const [figure, { second, last }] of Object.entries(medians)) {
      const { share, amount } = TOLERANCE[figure]
      check(last <= second * (1 + share) + amount, `${actor.name}: ${figure} grew from ${second} to ${last}`)
    }
  }

  // A subscriber that was never disconnected has received the last message, and so all.
  const said = Array.isArray(publisher.result) ? publisher.result : []
  for (const { at, last, disconnects } of [].concat(subscribers.result || [])) {
    // The end of the publisher is one.
    check(disconnects > 1 || last === said[at] - 1, `subscribers: the last of ${said[at]} messages is ${last}`)
  }
  const total = (who, name) => actors
    .filter(actor => actor.name === who)
    .reduce((sum, { counts }) => sum + (counts[name] || 0), 0)
  const lost = total('subscribers', 'lost') + total('subscriber, slow', 'lost')
  const dropped = total('publisher', 'dropped')
  check(lost <= dropped, `subscribers lost ${lost} messages, and the publisher dropped ${dropped}`)
  for (const [who, name] of ESSENTIAL) {
    const sum = total(who, name)
    check(sum > 0, `${who}: nothing of "${name}"`)
  }
  return { passed, failures, figures }
}

/** Events that must happen in a soak. */
const ESSENTIAL = [
  ['client', 'small answered'],
  ['client', 'large answered'],
  ['client', 'unicode answered'],
  ['client', 'maps answered'],
  ['client', 'errors failed'],
  ['client', 'TLS answered'],
  ['client', 'shaky answered'],
  ['client', 'shaky failed'],
  ['client', 'proxied answered'],
  ['client', 'proxied failed'],
  ['come and go', 'come and go answered'],
  ['come and go', 'stopped failed'],
  ['come and go', 'servers'],
  ['faults', 'malformed'],
  ['faults', 'useless'],
  ['faults', 'half-open'],
  ['publisher', 'slow, disconnect'],
  ['publisher', 'slow, drop'],
  ['subscribers', 'heard'],
  ['subscriber, slow', 'disconnects'],
  ['timeouts', 'timed out']
]

module.exports = { TOLERANCE, judge }
