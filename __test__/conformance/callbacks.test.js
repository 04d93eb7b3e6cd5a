'use strict'

// What is thrown in the callbacks of a link, in processes that live or end by it.

const { before, test } = require('node:test')
const assert = require('node:assert')
const { execFile } = require('node:child_process')
const path = require('node:path')
const { promisify } = require('node:util')
const { run } = require('../../scripts/lib/child')
const { each } = require('../helpers/conformance')
const { standIn, startLink } = require('../helpers/grapes/stand-in')

/** What a case of helpers/processes/thrower.js comes to, by the first word of its name. */
const EXPECTED = [
  ['C370: ends no process', ['answered', 'empty', 'failed', 'stopped'], 'caught'],
  ['C371: is an unhandled rejection', ['silent', 'hungUp', 'down', 'misnamed'], 'unhandledRejection'],
  ['C372: goes to the caller', ['cached'], 'thrown']
]
const REPLACED = {
  'replaced: at once': 'thrown',
  'replaced: later': 'uncaughtException',
  'replaced: of its own': 'caught',
  'replaced: within another': 'thrown'
}

for (const name of ['original', 'native']) {
  let outcomes

  before(async () => {
    const script = path.join(__dirname, '..', 'helpers', 'processes', 'thrower.js')
    const { stdout } = await promisify(execFile)(process.execPath, [script, name], { timeout: 20000 })
    outcomes = JSON.parse(stdout)
  })

  for (const [title, kinds, expected] of EXPECTED) {
    test(`${title}: an exception in a callback, ${kinds} [${name}]`, () => {
      const found = Object.entries(outcomes).filter(([what]) => kinds.includes(what.split(':')[0]))
      assert(found.length >= kinds.length)
      for (const [what, outcome] of found) assert.strictEqual(outcome, expected, what)
    })
  }

  test(`C373: an exception in a callback of a replaced _post goes to who calls it [${name}]`, () => {
    for (const [what, expected] of Object.entries(REPLACED)) assert.strictEqual(outcomes[what], expected, what)
  })
}

/** A grape that answers, and a link to it. */
const SCRIPT = `
const http = require('http')
const { Link, PeerRPCClient } = require(pkg)
const grape = http.createServer((req, res) => req.resume().on('end', () => res.end('[]')))
const warnings = []
process.on('warning', warning => warnings.push(warning))
`

test('C374: a callback that throws is a warning with the line of the service, once for each line', async () => {
  const { stdout, code } = await run(`${SCRIPT}
    grape.listen(0, '127.0.0.1', () => {
      const link = new Link({ grape: 'http://127.0.0.1:' + grape.address().port })
      link.start()
      const told = []
      link.on('callback-error', (err, about) => told.push([err.message, about.type, about.payload, /\\[eval\\]:\\d+:\\d+/.test(about.place)]))
      const peer = new PeerRPCClient(link, {})
      peer.init()
      let left = 3
      const end = () => setImmediate(() => setImmediate(() => {
        peer.stop()
        link.stop()
        grape.close()
        console.log(JSON.stringify({ told, warnings: warnings.map(({ name, code, detail }) => [name, code, /\\[eval\\]:\\d+:\\d+/.test(detail)]) }))
      }))
      for (let at = 0; at < 2; at++) {
        peer.request('service', 1, {}, err => {
          if (--left === 0) end()
          if (err) throw err
        })
      }
      peer.map('service', 1, {}, err => {
        if (--left === 0) end()
        if (err) throw new Error('another')
      })
    })
  `)
  assert.strictEqual(code, 0)
  const empty = ['ERR_GRAPE_LOOKUP_EMPTY', 'lookup', 'service', true]
  assert.deepStrictEqual(JSON.parse(stdout), {
    told: [empty, empty, ['another', 'lookup', 'service', true]],
    warnings: Array(2).fill(['GrenacheWarning', 'ERR_CALLBACK_THREW', true])
  })
})

test('C374: with throwInCallbacks an exception in a callback ends the process', async () => {
  for (const grape of ['grape.address().port', '1']) {
    const { stderr, code } = await run(`${SCRIPT}
      process.on('unhandledRejection', () => {})
      grape.listen(0, '127.0.0.1', () => {
        const link = new Link({ grape: 'http://127.0.0.1:' + ${grape}, throwInCallbacks: true })
        link.start()
        link.lookup('service', err => { throw new TypeError('mine ' + !!err) })
      })
    `)
    assert.strictEqual(code, 1)
    assert.match(stderr, /TypeError: mine true/)
  }
})

test('C374: what is no Error is a warning too', async () => {
  const { stdout, code } = await run(`${SCRIPT}
    grape.listen(0, '127.0.0.1', () => {
      const link = new Link({ grape: 'http://127.0.0.1:' + grape.address().port })
      link.start()
      const values = [undefined, null, 5, 'a\\u001bb', { get stack () { throw new Error('not me') } }, Object.create(null)]
      const told = []
      link.on('callback-error', (thrown, { place }) => {
        told.push(values.includes(thrown) && typeof place)
        if (told.length < values.length) return next()
        link.stop()
        grape.close()
        setImmediate(() => console.log(JSON.stringify([told, warnings.map(({ message }) => message)])))
      })
      const next = () => link.lookup('service', () => { throw values[told.length] })
      next()
    })
  `)
  assert.strictEqual(code, 0)
  const [told, warnings] = JSON.parse(stdout)
  assert.deepStrictEqual(told, Array(6).fill('string'))
  assert.deepStrictEqual(warnings, ['a callback of lookup service threw: undefined'])
})

test('C375: a callback that throws takes the answer from nobody, and ends no announcing', async () => {
  const { stdout, code } = await run(`${SCRIPT}
    grape.listen(0, '127.0.0.1', () => {
      let announced = 0
      grape.on('request', req => { if (req.url === '/announce' && ++announced === 2) end() })
      const link = new Link({ grape: 'http://127.0.0.1:' + grape.address().port })
      link.start()
      let called = 0
      for (let at = 0; at < 4; at++) {
        link.lookup('service', () => {
          called++
          if (at % 2 === 0) throw new Error('mine')
        })
      }
      link.startAnnouncing('service', 1337, { interval: 20 }, () => { throw new Error('mine') })
      function end () {
        link.stop()
        grape.close()
        console.log(called)
      }
    })
  `)
  assert.deepStrictEqual({ code, stdout: stdout.trim() }, { code: 0, stdout: '4' })
})

each('C374: a listener of callback-error that throws is uncaught, as any listener', async ({ implementation, stage, t }) => {
  const grape = await standIn(stage, () => [])
  const link = startLink(stage, implementation, grape.url)
  const uncaught = new Promise(resolve => {
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException').once('uncaughtException', resolve)
    t.after(() => listeners.forEach(listener => process.on('uncaughtException', listener)))
  })
  link.on('callback-error', () => { throw new Error('of the listener') })
  link.lookup('service', () => { throw new Error('mine') })
  assert.strictEqual((await uncaught).message, 'of the listener')
}, { better: true })
