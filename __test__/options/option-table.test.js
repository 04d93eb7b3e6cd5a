'use strict'

// docs/OPTIONS.md has every option that docs/API.md has, with what the code takes for each.

const assert = require('node:assert')
const { test } = require('node:test')
const { MAX_PAYLOAD } = require('../../lib/options/defaults')
const { CALLS, OPTIONS, TLS } = require('../../lib/options/optionTable')
const { DEFAULT, NOTHING, NO_LIMIT } = require('../../lib/options/values')
const { rows } = require('../helpers/docs/api-page')

/** What the page calls each table. */
const OWNERS = {
  ...Object.fromEntries(Object.entries(OPTIONS).map(([name, table]) => [`\`${name}\``, table])),
  '`secure` of a client': TLS.client,
  '`secure` of a server': TLS.server,
  'a call of `request`': CALLS.request,
  'a call of `map`': CALLS.map,
  'calls of both': CALLS.targets,
  'calls of a link': CALLS.link,
  '`waitFor` of a link': CALLS.wait,
  '`actions`': CALLS.actions,
  '`gracefulShutdown`': CALLS.shutdown,
  'a call of `stop`': CALLS.stop,
  'a call of `sub`': CALLS.sub,
  "a grape's `lookup`": CALLS.lookup
}

const PAGE = rows('OPTIONS.md').filter(({ kind }) => kind === 'Option')
const API = rows()

const cell = (row, header) => row.cells[row.headers.indexOf(header)]

test('docs/OPTIONS.md says of each option what the code does', () => {
  const said = new Set()
  for (const row of PAGE) {
    const [name] = row.names
    const of = cell(row, 'Of')
    assert(OWNERS[of], `what is ${of}?`)
    const option = OWNERS[of][name]
    assert(option, `${of} has no ${name}`)
    said.add(option.kind)
    const { kind, most, zero } = option.kind
    // With several names the kind is these.
    assert.strictEqual(cell(row, 'Kind').replace(/`(?!\*)|(?<!\*)`/g, '').replace(/`/g, ''), kind.replace(/`/g, ''), `${of} ${name}`)
    const nothing = cell(row, '0')
    if (most === undefined) {
      assert.strictEqual(nothing + cell(row, 'At most'), '', `${of} ${name}`)
      continue
    }
    assert.strictEqual(cell(row, 'At most'), most === MAX_PAYLOAD ? "V8's longest string" : String(most), `${of} ${name}`)
    if (zero === NO_LIMIT) assert.strictEqual(nothing, 'no limit', `${of} ${name}`)
    else if (zero === DEFAULT) assert.strictEqual(nothing, 'as if left out', `${of} ${name}`)
    else if (zero === NOTHING) assert.strictEqual(nothing, 'refused', `${of} ${name}`)
    else assert(nothing !== '' && nothing !== 'as if left out' && nothing !== 'refused', `${of} ${name}`)
  }
  // A class has what its parents have, but for what is its own.
  for (const [of, table] of Object.entries(OWNERS)) {
    for (const [name, option] of Object.entries(table)) {
      const isParents = PAGE.some(row => row.names[0] === name && ['`Peer`', '`PeerServer`'].includes(cell(row, 'Of')))
      assert(said.has(option.kind) || isParents, `docs/OPTIONS.md lacks ${name} of ${of}`)
    }
  }
})

/** Those that others look at, as the page says in its text. */
const ELSEWHERE = {
  'Call option': ['retry', 'signal', 'binary', 'fin', 'mask', 'compress', 'once', 'v', 'k', 'sig', 'sign', 'seq', 'cas', 'salt', 'hash', 'methods', 'space', 'privateKey', 'link', 'peers', 'signals'],
  'TLS option': ['key', 'cert', 'ca', 'verifyClient'],
  Option: ['dest']
}

test('docs/OPTIONS.md has every option that docs/API.md has', () => {
  const known = Object.values(OWNERS).flatMap(table => Object.keys(table))
  for (const { kind, names, section } of API.filter(({ kind }) => Object.hasOwn(ELSEWHERE, kind))) {
    for (const name of names) {
      assert(known.includes(name) || ELSEWHERE[kind].includes(name), `${name} of ${section} is in no table of lib/options/optionTable.js`)
    }
    if (kind !== 'Option') continue
    const owners = section.filter(owner => OPTIONS[owner])
    for (const owner of owners) {
      for (const name of names) assert(OPTIONS[owner][name], `${owner} has no ${name} in lib/options/optionTable.js`)
    }
  }
})
