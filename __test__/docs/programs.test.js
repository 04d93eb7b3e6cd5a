'use strict'

// Each JavaScript program of README.md and docs/ runs as it stands, in a folder that has the package
// installed. It says here what each of them needs beside it and prints; a program that is not listed
// fails.

const { after, test } = require('node:test')
const assert = require('node:assert')
const fs = require('fs')
const os = require('os')
const path = require('path')
const yaml = require('js-yaml')
const { Network } = require('../helpers/docs/namespace')
const { PAGES, ROOT, blocksOf } = require('../helpers/docs/pages')

/** A program that runs until it is ended. */
const SERVES = Symbol('serves')

/** A file of tests that runs the block. */
const runBy = file => ({ runBy: file })

/**
 * For each page and heading its programs in order: what it prints, and is then ended if it serves;
 * `beside` are those of the same page that run meanwhile, as `heading number`; `after` is a name that
 * somebody serves by then. `later` is a program that starts
 * behind it. `servesUntilSignal` is the name that it serves itself, until SIGTERM.
 */
const PROGRAMS = {
  'README.md': {
    'Put it into a service': [{ prints: /^$/ }],
    Server: [{ prints: SERVES }],
    Client: [{ beside: ['Server 0'], after: 'rpc_test', prints: /^null world\nnull \[ 'world' \]\n$/ }],
    'Publish and subscribe': [
      { prints: SERVES },
      { later: ['README.md', 'Publish and subscribe 0'], prints: /^(ERR_GRAPE_LOOKUP_EMPTY\n)?news\nnews\n/, isEndless: true },
      { beside: ['Publish and subscribe 0'], after: 'pub_test', prints: /^127\.0\.0\.1:1338 news\n/, isEndless: true }
    ],
    'Promises and more': [{ prints: /^3\n\[ 7 \]\n$/ }],
    Discovery: [{ prints: /^$/ }],
    'Watching it': [{ prints: /^0 under way, 0 timed out, p99 0 ms\n$/ }]
  },
  'docs/API.md': { API: [{ prints: /^$/ }] },
  'docs/DEPLOYING.md': {
    'Several machines': [{ prints: /^$/ }, { prints: /^$/ }],
    systemd: [{ needsGrape: true, servesUntilSignal: 'rpc_test', prints: /^$/ }]
  },
  'docs/MIGRATING.md': { 'In the code': [{ prints: /^$/ }] },
  'docs/OBSERVABILITY.md': {
    Channels: [{ prints: /^$/ }],
    Contexts: [{ prints: /^$/ }],
    'From a shell': [{ needsGrape: true, servesUntilSignal: 'info:rpc_test', prints: /^$/ }]
  },
  'docs/TESTING.md': {
    'Without a grape': [{ prints: /^null hello\n$/ }],
    'With grapes': [{ prints: /^$/ }],
    vitest: [runBy('package/runners.test.js')],
    'Fake timers': [runBy('package/runners.test.js')]
  },
  'docs/TROUBLESHOOTING.md': {
    'Nothing is logged when a handler throws': [runBy('docs/troubleshooting.test.js')],
    'In which order?': [{ later: ['README.md', 'Server 0'], prints: /^null world\n$/ }]
  },
  'docs/BUNDLING.md': {
    webpack: [runBy('registry/bundles.test.js'), runBy('registry/bundles.test.js')],
    rollup: [runBy('registry/bundles.test.js'), runBy('registry/bundles.test.js')]
  }
}

const COMMAND = path.join(ROOT, 'bin', 'grenache.js')

/** A grape as the pages have it. */
const GRAPE = [path.join(ROOT, 'bin', 'grape.js'), '--dp', '20001', '--aph', '30001', '--bn', '127.0.0.1:20002']

const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'grenache-docs-')))
after(() => fs.rmSync(folder, { recursive: true, force: true }))
fs.mkdirSync(path.join(folder, 'node_modules'))
fs.symlinkSync(ROOT, path.join(folder, 'node_modules', 'grenache-nodejs-ws-native'), 'junction')

/** The programs of a page, by heading and number. */
function programsOf (page) {
  const programs = new Map()
  const counts = {}
  for (const { heading, language, text } of blocksOf(page)) {
    if (language !== 'js' && language !== 'javascript') continue
    counts[heading] = counts[heading] + 1 || 0
    programs.set(`${heading} ${counts[heading]}`, text)
  }
  return programs
}

const listed = page => Object.entries(PROGRAMS[page] || {}).flatMap(([heading, all]) => all.map((_, i) => `${heading} ${i}`))

/** What is data is well-formed. */
const DATA = {
  json: text => JSON.parse(text.startsWith('"') ? `{${text}}` : text),
  yaml: text => yaml.loadAll(text)
}

for (const page of PAGES) {
  test(`the data of ${page} is well-formed`, () => {
    for (const { language, text } of blocksOf(page)) if (DATA[language] !== undefined) assert.ok(DATA[language](text))
  })

  const programs = programsOf(page)

  test(`each program of ${page} is run`, () => {
    assert.deepStrictEqual([...programs.keys()], listed(page))
  })

  for (const [heading, all] of Object.entries(PROGRAMS[page] || {})) {
    all.forEach((program, number) => {
      const name = `${heading} ${number}`
      test(`${page}: ${name}`, { concurrency: false }, async t => {
        if (program.runBy !== undefined) {
          assert.match(fs.readFileSync(path.join(__dirname, '..', program.runBy), 'utf8'), new RegExp(`${path.basename(page)}`))
          return
        }
        const network = await Network.open(t)
        const start = (name, text = programs.get(name)) => {
          const file = path.join(folder, `${path.basename(page)}-${name.replace(/\W/g, '-')}${/^import /m.test(text) ? '.mjs' : '.js'}`)
          fs.writeFileSync(file, text)
          return network.start(process.execPath, [file], { cwd: folder })
        }
        const beside = (program.beside || []).map(other => start(other))
        const isServed = async (name, env) => {
          while (await network.start(process.execPath, [COMMAND, 'lookup', name], { env: { ...process.env, ...env } }).ends() !== 0);
        }
        if (program.after) await isServed(program.after)
        if (program.needsGrape) await network.start(process.execPath, [...GRAPE]).prints(/other nodes/)
        const own = start(name)
        if (program.later) {
          const [otherPage, other] = program.later
          beside.push(start(other, programsOf(otherPage).get(other)))
        }
        if (program.prints === SERVES) {
          // What it serves is seen by those beside which it runs.
          assert.ok(Object.values(PROGRAMS[page]).flat().some(({ beside }) => beside && beside.includes(name)), 'nobody uses it')
        } else if (program.isEndless) {
          await own.prints(program.prints)
        } else {
          if (program.servesUntilSignal) {
            await isServed(program.servesUntilSignal, { GRENACHE_GRAPE: 'http://127.0.0.1:30001' })
            own.child.kill('SIGTERM')
          }
          assert.strictEqual(await own.ends(), 0, own.output)
          assert.match(own.output, program.prints)
        }
        for (const other of beside) assert.deepStrictEqual([other.child.exitCode, other.output], [null, ''])
      })
    })
  }
}
