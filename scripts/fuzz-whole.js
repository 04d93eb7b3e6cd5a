'use strict'

// Attacks real servers, clients, publishers, subscribers, links and grapes, each in a process of
// its own, for any time:
//
//   npm run fuzz:whole -- 600 [--io libuv|tokio] [--seed N] [--only
// server|client|pub|sub|grape|link]
//   npm run fuzz:whole -- --seed N --case server:123       plays that case again
//   npm run fuzz:whole -- --replay fuzz/artifacts/x.json   plays a file; --shrink searches for less
// that fails
//
// It ends with the first failure; with --all it goes on, with new processes.
//
// The exit code is 1 if a process ended, hung, stalled, grew, leaked descriptors, or did not reply
// to a well-behaved peer. The same seed gives the same bytes.

const path = require('path')
const { parseArgs } = require('util')
const { randomInt } = require('crypto')
const { Arena } = require('./fuzz-whole/arena')
const { load, save } = require('./fuzz-whole/artifacts')
const { ROLES, caseOf } = require('./fuzz-whole/cases')
const { findCulprit, replay, shrink } = require('./fuzz-whole/culprit')
const { judge } = require('./fuzz-whole/verdict')

/** Cases of a role that are played concurrently. */
const LANES = 2
/**
 * The part of the time after which memory is measured first: by then all code is loaded and
 * compiled.
 */
const WARM = 0.3
/**
 * Longest time between later measurements, in ms: memory that is never freed grows from time to
 * time.
 */
const PART = 60000
/** Cases of a target that are remembered after they were played: their effect may be late. */
const REMEMBERED = 12

const OPTIONS = {
  io: { type: 'string' },
  seed: { type: 'string' },
  only: { type: 'string', multiple: true },
  case: { type: 'string' },
  replay: { type: 'string' },
  shrink: { type: 'boolean' },
  all: { type: 'boolean' },
  // Another copy of the package, such as an older one.
  package: { type: 'string' },
  // A service with a fault, to check that it is found.
  weak: { type: 'boolean' }
}

const usage = text => Object.assign(new Error(text), { isUsage: true })

async function main () {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true })
  const seconds = Number(positionals[0] || 60)
  if (!(seconds > 0)) throw usage('how many seconds?')
  const roles = values.only || ROLES
  const unknown = roles.filter(role => !ROLES.includes(role))
  if (unknown.length > 0) throw usage(`no such target: ${unknown.join(', ')}; there are ${ROLES.join(', ')}`)
  if (values.weak) process.env.FUZZ_WEAK = 'yes'
  if (values.package) process.env.FUZZ_PACKAGE = path.resolve(values.package)
  if (values.io) process.env.GRENACHE_IO = values.io
  const seed = values.seed === undefined ? randomInt(2 ** 32) : Number(values.seed)

  if (values.replay) return again(load(values.replay), values)
  if (values.case) {
    const [role, number] = values.case.includes(':') ? values.case.split(':') : [roles[0], values.case]
    return again({ seed, cases: [caseOf(seed, role, Number(number))] }, values)
  }
  await fuzz({ seed, seconds, roles, io: process.env.GRENACHE_IO || 'libuv' }, values.all)
}

/** Plays cases again, alone; with `shrink` it searches for less that fails as well. */
async function again ({ seed, cases }, { shrink: isShrinking }) {
  const failure = await replay(cases)
  if (failure === null) return console.log('it does not fail')
  tell(failure)
  process.exitCode = 1
  if (!isShrinking) return
  const smaller = await shrink(cases, text => console.log(`# ${text}`))
  show(smaller, seed)
}

async function fuzz (about, isGoingOn) {
  const { seed, seconds, roles, io } = about
  console.log(`${seconds} s on ${io}, seed ${seed}: ${roles.join(', ')}`)
  const known = new Set()
  const next = new Map(roles.map(role => [role, 0]))
  const end = performance.now() + seconds * 1000
  for (;;) {
    const failure = await fight(about, end - performance.now(), next, known)
    if (failure === null) return
    process.exitCode = 1
    if (!isGoingOn || performance.now() > end) return
  }
}

/** Attacks new targets for `ms`; resolves with the failure, or null. */
async function fight ({ seed, roles, io }, ms, next, known) {
  const arena = new Arena()
  const round = new Round(arena, seed, next)
  const began = performance.now()
  try {
    await arena.start(roles)
    const settled = []
    const settle = async () => settled.push(await round.orFailure(() => arena.settle()))
    await round.run(ms * WARM)
    await settle()
    const parts = Math.ceil(ms * (1 - WARM) / PART)
    for (let part = 0; part < parts; part++) {
      await round.run(ms * (1 - WARM) / parts)
      await settle()
    }
    const counts = await round.orFailure(() => arena.read())
    await round.orFailure(() => arena.end())
    if (round.failure) {
      await explain(round, { seed, io }, performance.now() - began, known)
      return round.failure
    }
    const { passed, failures, lines } = judge({ arena, settled, counts })
    for (const line of lines) console.log(line)
    for (const text of failures) console.log(`not ok: ${text}`)
    console.log(failures.length > 0 ? `${failures.length} failed, seed ${seed}` : `${passed} passed`)
    if (failures.length > 0) process.exitCode = 1
    return null
  } finally {
    await arena.kill()
  }
}

/** The cases of all roles, in turn, a few concurrently. */
class Round {
  /** @param {Map} next the number of the next case of each role */
  constructor (arena, seed, next) {
    this.arena = arena
    this.seed = seed
    this.failure = null
    this.playing = new Set()
    this._played = new Map()
    this._next = next
  }

  /** Plays for `ms`, or until something fails. */
  async run (ms) {
    const end = performance.now() + ms
    const lanes = () => [...this._next.keys()].flatMap(role => Array.from({ length: LANES }, (_, lane) => this._lane(role, lane, end)))
    await this.orFailure(() => Promise.all(lanes()))
  }

  /** Runs `act`, and waits for it, at most until a target fails. */
  async orFailure (act) {
    if (this.failure) return
    const promise = act()
    promise.catch(() => {})
    const first = await Promise.race([this.arena.failure.then(failure => ({ failure })), promise.then(value => ({ value }), error => ({ error }))])
    if (first.error) {
      // A target that has ended cannot reply; its failure is reported soon.
      const failure = await this.arena.aftermath()
      if (failure === null) throw first.error
      first.failure = failure
    }
    if (first.failure) this.failure = first.failure
    return first.value
  }

  async _lane (role, lane, end) {
    while (performance.now() < end && !this.failure) {
      const number = this._next.get(role)
      this._next.set(role, number + 1)
      const one = caseOf(this.seed, role, number)
      this.playing.add(one)
      await this.arena.play(one, lane)
      this.playing.delete(one)
      this._remember(one)
    }
  }

  _remember (one) {
    const played = this._played.get(one.target) || []
    this._played.set(one.target, [one, ...played].slice(0, REMEMBERED))
  }

  /** Cases that may have made a target fail: the last first. */
  suspects ({ name }) {
    return [...this.playing].filter(one => one.target === name).concat(this._played.get(name) || [])
  }
}

/** Prints the failure, and searches for its case, unless it is known. */
async function explain (round, about, ms, known) {
  const { failure, arena } = round
  await arena.kill()
  const suspects = round.suspects(failure.target)
  console.log(`# after ${(ms / 1000).toFixed(1)} s and ${arena.cases} cases`)
  const isKnown = known.has(signatureOf(failure))
  known.add(signatureOf(failure))
  if (isKnown) return console.log(`not ok: ${failure.target.name}: ${failure.text}, as before`)
  tell(failure)
  console.log(`# which of ${suspects.length} cases is it?`)
  const culprit = await findCulprit(suspects)
  if (culprit === null) {
    const file = save(suspects.reverse(), { ...about, failure: failure.text })
    console.log(`# none alone: all of them are in ${file}\n1 failed, seed ${about.seed}: --replay ${file}`)
    return
  }
  if (signatureOf(culprit.failure) !== signatureOf(failure)) tell(culprit.failure)
  show([culprit.one], about.seed)
  const file = save([culprit.one], { ...about, failure: culprit.failure.text })
  console.log(`1 failed: --seed ${about.seed} --case ${culprit.one.id}, or --replay ${file}`)
}

/** The common part of two failures of one kind. */
function signatureOf ({ target, text, stderr = target.stderr }) {
  const error = /^\s*(\w*Error.*)\n\s+at (.*)\n\s+at (.*)/m.exec(stderr)
  return [target.name, text.replace(/\d+/g, 'N'), ...(error ? error.slice(1) : [])].join('; ')
}

function tell ({ target, text }) {
  console.log(`not ok: ${target.name}: ${text}`)
  if (target.stderr) console.log(target.stderr.trimEnd().split('\n').slice(-25).map(line => `  ${line.slice(0, 300)}`).join('\n'))
}

/** Bytes of each step that are printed; the file has all of them. */
const SHOWN = 160

function show (cases, seed) {
  for (const { id, name, target, door, actors, asks } of cases) {
    console.log(`# seed ${seed}, case ${id}: ${name} at ${target}, ${door}`)
    if (asks) console.log(`#   it asks ${JSON.stringify(asks).slice(0, 400)}`)
    actors.forEach(({ steps, answers, ...rest }, at) => {
      console.log(`#   connection ${at} ${JSON.stringify(rest)}`)
      for (const { send, ...step } of steps) console.log(`#     ${send ? `send ${send.length} bytes ${send.toString('hex', 0, SHOWN)}${send.length > SHOWN ? '...' : ''} ` : ''}${JSON.stringify(step)}`)
      for (const answer of answers || []) console.log(`#     answers ${answer.toString('hex', 0, SHOWN)}`)
    })
  }
}

// Node 20 may wait forever for sockets that were reset, when it ends by itself.
main().then(() => process.exit(), err => {
  console.error(err.isUsage ? err.message : err)
  process.exit(err.isUsage ? 2 : 1)
})
