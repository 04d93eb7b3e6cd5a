'use strict'

// The examples in the comments of the types: TypeScript compiles each, and each does what it says.

const { before, test } = require('node:test')
const assert = require('node:assert')
const { execFile } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { promisify } = require('node:util')
const ts = require('typescript')
const main = require('../..')
const { testGrapes } = require('../../testing')
const { PAGES, blocksOf } = require('../helpers/docs/pages')
const { ROOT, examples } = require('../helpers/source/source')

/** The grape that examples name. */
const GRAPE = 'http://127.0.0.1:30001'
const PACKAGE = 'grenache-nodejs-ws-native'

/** What each prints that prints something. */
const PRINTS = {
  Contract: /^6\.00\n$/,
  Grape: /^new Link\({ grape: 'http:\/\/127\.0\.0\.1:\d+' }\)\n$/,
  Link: /^\[ '127\.0\.0\.1:1337' \]\na text\n$/,
  OwnConf: /^127\.0\.0\.1:1337 in eu\n$/,
  PeerRPCClient: /^ERR_GRAPE_LOOKUP_EMPTY\n$/,
  PeerSub: /^news\n$/,
  TransportRPCClient: /^hello\n$/
}

const EXAMPLES = examples()

/** The blocks of TypeScript in README.md and docs/, by names of files. */
const BLOCKS = new Map(PAGES.flatMap(blocksOf).filter(({ language }) => language === 'ts')
  .map(({ page, text }, at) => [`${path.basename(page, '.md')}-${at}`, text]))

const COMPILER = {
  strict: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  typeRoots: [path.join(ROOT, 'node_modules', '@types')],
  types: ['node']
}

let folder

before(() => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'grenache-examples-')))
  process.once('exit', () => fs.rmSync(folder, { recursive: true, force: true }))
  fs.mkdirSync(path.join(folder, 'node_modules'))
  fs.symlinkSync(ROOT, path.join(folder, 'node_modules', PACKAGE), 'junction')
  for (const [name, text] of [...EXAMPLES, ...BLOCKS]) fs.writeFileSync(path.join(folder, `${name}.mts`), text)
})

test('each class and function that is exported has an example', () => {
  assert.deepStrictEqual([...EXAMPLES.keys()].sort(), [...Object.keys(main), 'Contract', 'OwnConf'].sort())
})

test('TypeScript takes every example, and every block of the pages, as it stands', () => {
  assert.ok(BLOCKS.size > 0)
  const files = [...EXAMPLES.keys(), ...BLOCKS.keys()].map(name => path.join(folder, `${name}.mts`))
  const found = ts.getPreEmitDiagnostics(ts.createProgram(files, { ...COMPILER, noEmit: true }))
  assert.strictEqual(ts.formatDiagnostics(found, {
    getCanonicalFileName: name => name, getCurrentDirectory: () => folder, getNewLine: () => '\n'
  }), '')
})

/** What TypeScript says about a text, as one line each. */
function complaints (text) {
  const file = path.join(folder, 'complaint.mts')
  fs.writeFileSync(file, text)
  return ts.getPreEmitDiagnostics(ts.createProgram([file], { ...COMPILER, noEmit: true }))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))
}

for (const [type, call] of [['any', "request('sum'"], ['Sums', "request('sum'"], ['any', "map('sum'"], ['Sums', "map('sum'"]]) {
  test(`the compiler knows what was meant by a misspelt option of ${call}), contract ${type}`, () => {
    const head = `import type { PeerRPCClient } from '${PACKAGE}'\ninterface Sums { sum: [number[], number] }\ndeclare const client: PeerRPCClient<${type}>\nexport type Used = Sums\n`
    for (const rest of ['', ', () => {}']) {
      const [said, ...more] = complaints(`${head}client.${call}, [1], { timout: 5 }${rest})\n`)
      assert.match(said, /'timout' does not exist in type '.*Did you mean to write 'timeout'\?|but 'timout' does not exist in type .*Did you mean to write 'timeout'\?/)
      assert.deepStrictEqual(more, [])
    }
  })
}

test('TypeScript 5.0 can read the types: the members of a tuple have names, or none has', () => {
  const types = path.join(ROOT, 'types')
  const files = fs.readdirSync(types, { recursive: true }).filter(name => name.endsWith('.d.ts'))
  assert.ok(files.length > 10)
  for (const name of files) {
    const visit = node => {
      if (ts.isTupleTypeNode(node)) assert.ok(new Set(node.elements.map(ts.isNamedTupleMember)).size < 2, `${name}: ${node.getText()}`)
      ts.forEachChild(node, visit)
    }
    visit(ts.createSourceFile(name, fs.readFileSync(path.join(types, name), 'utf8'), ts.ScriptTarget.Latest, true))
  }
})

test('every example runs to its end, and prints what it says', async t => {
  await Promise.all([...EXAMPLES].map(async ([name, text]) => {
    // Examples announce the same names, so each has its own grape.
    const network = await testGrapes(1)
    t.after(() => network.stop())
    const file = path.join(folder, `${name}.mjs`)
    const { outputText } = ts.transpileModule(text, { fileName: `${name}.mts`, compilerOptions: COMPILER })
    fs.writeFileSync(file, outputText.replaceAll(GRAPE, network.url))
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], { timeout: 20000 })
    assert.match(stdout, PRINTS[name] || /^$/, name)
    assert.strictEqual(stderr, '', name)
  }))
})
