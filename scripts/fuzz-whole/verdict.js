'use strict'

// What must hold when nothing has failed on the way.

const { MIB } = require('./targets')

/** How much more may be held at the end than when all was warm: the allocator keeps some for good. */
const GROWTH = { rss: 128 * MIB, heapUsed: 16 * MIB, external: 16 * MIB, descriptors: 8 }

/** What happens to each target in a few seconds on a busy machine, or nothing was tried. */
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
 * `{ passed, failures, lines }`: texts of what does not hold, and of what was counted.
 * @param {Map[]} settled what the targets held when nothing was under way, from the first time on
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
    // Each of these ended the run, had it not held.
    for (let held = 0; held < 4; held++) check(true)
    const all = settled.map(targets => targets.get(name))
    // In a long run what the allocator keeps is there at the second time.
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
