'use strict'

// Finds the case that makes a target fail, and the relevant part of it.

const { Arena } = require('./arena')

/** How often a case is played before it counts as harmless: some depend on timing. */
const TRIES = 2

/** Plays cases against new targets, one after the other; resolves with the failure or null. */
async function replay (cases) {
  const arena = new Arena()
  try {
    await arena.start([...new Set(cases.map(({ role }) => role))])
    for (let round = 0; round < TRIES; round++) {
      for (const one of cases) {
        const failure = await Promise.race([arena.failure, arena.play(one, 0).then(() => null, () => null)])
        if (failure) return failure
      }
      const failure = await arena.aftermath()
      if (failure) return failure
    }
    return null
  } finally {
    await arena.kill()
  }
}

/** The first of the suspects that fails alone: `{ one, failure }`, or null. */
async function findCulprit (suspects) {
  for (const one of suspects) {
    const failure = await replay([one])
    if (failure) return { one, failure }
  }
  return null
}

/**
 * Removes everything that is not needed for the failure: cases, connections, steps, then bytes from
 * the end and from the beginning. `say` reports the progress.
 */
async function shrink (cases, say) {
  const fails = async candidate => (await replay(candidate)) !== null
  let current = cases
  const attempt = async (what, candidate) => {
    if (!await fails(candidate)) return false
    say(what)
    current = candidate
    return true
  }
  for (let at = 0; at < current.length && current.length > 1;) {
    if (!await attempt(`without case ${current[at].id}`, without(current, at))) at++
  }
  for (let c = 0; c < current.length; c++) {
    const changed = change => current.map((one, at) => at === c ? change(one) : one)
    const withActors = actors => changed(one => ({ ...one, actors }))
    for (let a = 0; a < current[c].actors.length && current[c].actors.length > 1;) {
      if (!await attempt(`without connection ${a}`, withActors(without(current[c].actors, a)))) a++
    }
    if (current[c].asks) {
      for (let a = 0; a < current[c].asks.length && current[c].asks.length > 1;) {
        const asks = without(current[c].asks, a)
        if (!await attempt(`without question ${a}`, changed(one => ({ ...one, asks })))) a++
      }
    }
    for (let a = 0; a < current[c].actors.length; a++) {
      const withSteps = steps => withActors(current[c].actors.map((actor, at) => at === a ? { ...actor, steps } : actor))
      const stepsOf = () => current[c].actors[a].steps
      for (let s = 0; s < stepsOf().length && stepsOf().length > 1;) {
        if (!await attempt(`connection ${a} without step ${s}`, withSteps(without(stepsOf(), s)))) s++
      }
      for (let s = 0; s < stepsOf().length; s++) {
        if (stepsOf()[s].send) await shorten(stepsOf, s, step => attempt(`step ${s} with ${step.send.length} bytes`, withSteps(stepsOf().map((old, at) => at === s ? step : old))))
      }
    }
  }
  return current
}

/** Fewer bytes, and fewer times, by halves. */
async function shorten (stepsOf, s, attempt) {
  const { cut, gap, ...plain } = stepsOf()[s]
  if (cut) await attempt(plain)
  for (let times = stepsOf()[s].times; times > 1; times = stepsOf()[s].times) {
    if (!await attempt({ ...stepsOf()[s], times: times >> 1 })) break
  }
  for (let part = stepsOf()[s].send.length >> 1; part > 0; part >>= 1) {
    for (const cutOff of [bytes => bytes.subarray(0, bytes.length - part), bytes => bytes.subarray(part)]) {
      const step = stepsOf()[s]
      if (step.send.length > part) await attempt({ ...step, send: cutOff(step.send) })
    }
  }
}

const without = (list, at) => list.filter((_, other) => other !== at)

module.exports = { findCulprit, replay, shrink }
