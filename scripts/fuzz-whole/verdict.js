'use strict'

// Conditions that must hold when nothing has failed before.

const { MIB } = require('./targets')

/**
 * How much the held resources may grow after the warm-up: the allocator keeps some memory for good.
 */
const GROWTH = { rss: 128 * MIB, heapUsed: 16 * MIB, external: 16 * MIB, descriptors: 8 }

/**
 * Events that each target must have had, within a few seconds on a busy machine; otherwise nothing
 * was tested.
 */
const ESSENTIAL = {
  server: ['requests', 'parsed'],
  watched: ['requests', 'connection:open'],
  pub: ['published', 'heard'],
  client: ['failed', 'a good server answered'],
  sub: ['connected', 'heard', 'a good publisher answered'],
  link: ['failed', 'a good grape answered'],
  grape: ['node', 'the grape in its own process answered']
}

/**
 * `{ passed, failures, lines }`: texts of violated conditions, and of counters.
 * @param {Map[]} settled what the targets held when they were idle, from the first time on
 */
function judge ({ arena, settled, counts }) {
  const failures = []
  let passed = 0
  const check = (holds, text) => {
    if (holds) passed++
    else failures.push(text)
  }
  const number = value => value.toLocaleString('en', { maximumFractionDigits: 1 })
  const lines = [`${arena.cases} cases, ${number(arena.counts.connections)} connections, ${number(arena.counts.sent / MIB)} MiB sent, ${number(arena.counts.heard / MIB)} MiB heard`]
  for (const { name, most, stall } of arena.attacked) {
    // Each of these would have ended the run.
    for (let held = 0; held < 4; held++) check(true)
    const all = settled.map(targets => targets.get(name))
    // In a long run the memory kept by the allocator is included at the second measurement.
    const [before, after] = [all[all.length > 2 ? 1 : 0], all[all.length - 1]]
    const told = (figure, unit = MIB) => all.map(held => number(held[figure] / unit)).join(' -> ')
    check(after.isSettled, `${name}: something is still under way`)
    for (const [figure, most] of Object.entries(GROWTH)) {
      check(after[figure] - before[figure] <= most, `${name}: ${figure} grew from ${number(before[figure])} to ${number(after[figure])}`)
    }
    const counted = counts.get(name)
    for (const what of ESSENTIAL[name]) check(counted[what] > 0, `${name}: nothing of "${what}"`)
    lines.push(`${name}: ${Object.entries(counted).map(([what, count]) => `${what} ${number(count)}`).join(', ')}`)
    lines.push(`  MiB ${told('rss')}, ${number(most)} at most; heap ${told('heapUsed')}; external ${told('external')}; descriptors ${told('descriptors', 1)}; longest stall ${stall} ms`)
  }
  const witnessed = counts.get('witness')
  lines.push(`witness: ${Object.entries(witnessed).map(([what, count]) => `${what} ${number(count)}`).join(', ')}`)
  const answers = Object.keys(witnessed).filter(name => name.endsWith('answered'))
  check(answers.length > 0 || !arena.isWatched, 'the witness was not answered')
  return { passed, failures, lines }
}

module.exports = { judge }
