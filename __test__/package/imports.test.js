'use strict'

// The rooms of lib/: which file requires which. A module that two others reach in a circle is loaded half made.

const { test } = require('node:test')
const assert = require('node:assert')
const fs = require('fs')
const path = require('path')
const { root } = require('../helpers/package/installed')
const { cyclesIn, importsOf } = require('../helpers/source/imports')

const PUBLIC = ['index.js', 'link.js', 'register.js', 'testing.js', ...['bin', 'install', 'lib'].flatMap(filesOf)]

function filesOf (folder) {
  return fs.readdirSync(path.join(root, folder), { recursive: true })
    .filter(name => name.endsWith('.js')).map(name => path.posix.join(folder, name.split(path.sep).join('/')))
}

test('no module requires itself by way of others, also not later', () => {
  const imports = importsOf(root, PUBLIC)
  assert.ok(imports.size > 100 && imports.get('lib/PeerRPCClient.js').has('lib/base/Peer.js'))
  assert.deepStrictEqual(cyclesIn(imports), [])
})

test('a circle of three files is found, with all of its files', () => {
  const circle = new Map([['a', ['b', 'd']], ['b', ['c']], ['c', ['a']], ['d', []]])
  assert.deepStrictEqual(cyclesIn(circle), [['a', 'b', 'c']])
  assert.deepStrictEqual(cyclesIn(new Map([['a', ['b']], ['b', []]])), [])
})

test('a PascalCase file is a class of that name, and a camelCase one is none', () => {
  const wrong = filesOf('lib').filter(file => {
    const name = path.basename(file, '.js')
    const isClass = new RegExp(`^class ${name}\\b`, 'm').test(fs.readFileSync(path.join(root, file), 'utf8'))
    return /^[A-Z]/.test(name) !== isClass
  })
  assert.deepStrictEqual(wrong, [])
})

test('docs/ARCHITECTURE.md names each module in the row of its room, and nothing else', () => {
  const page = fs.readFileSync(path.join(root, 'docs/ARCHITECTURE.md'), 'utf8')
  const rows = [...page.matchAll(/^\| `((?:lib|install)\/(?:\w+\/)?)` \| (.*) \|$/gm)].filter(([, room]) => room !== 'lib/cli/')
  const named = rows.flatMap(([, room, text]) => [...text.matchAll(/`(\w+)`/g)].map(([, name]) => `${room}${name}.js`))
  const files = [...filesOf('lib'), ...filesOf('install')].filter(file => !file.startsWith('lib/cli/'))
  assert.deepStrictEqual(files.filter(file => !named.includes(file)), [], 'modules without a place on the map')
  const isPlainWord = name => !/^[A-Z]|^\w*[a-z][A-Z]/.test(path.basename(name, '.js'))
  assert.deepStrictEqual(named.filter(name => !files.includes(name) && !isPlainWord(name)), [], 'names without a module')
})

test('each file that docs/ARCHITECTURE.md names exists', () => {
  const page = fs.readFileSync(path.join(root, 'docs/ARCHITECTURE.md'), 'utf8')
  const named = [...page.matchAll(/`([\w./-]+\.(?:rs|js))`|\b((?:net|grape|node|rpc|ws)\/[\w/]+\.rs)/g)].map(([, quoted, drawn]) => quoted || drawn)
  const files = ['bin', 'bench', 'install', 'lib', 'netlab', 'scripts', 'src', 'tests', '__test__'].flatMap(folder => fs.readdirSync(path.join(root, folder), { recursive: true })
    .map(name => path.posix.join(folder, name.split(path.sep).join('/')))).concat(fs.readdirSync(root))
  assert.ok(named.length > 50)
  assert.deepStrictEqual(named.filter(name => !files.some(file => file === name || file.endsWith(`/${name}`))), [])
})

test('CONTRIBUTING.md says where the tests of each room are', () => {
  const page = fs.readFileSync(path.join(root, 'CONTRIBUTING.md'), 'utf8')
  const [, table] = /\| room \| tests \|\n([^]*?)\n\n/.exec(page)
  const named = [...table.matchAll(/`([\w/]+)`/g)].map(([, name]) => name)
  assert.deepStrictEqual(named.filter(name => !fs.existsSync(path.join(root, name))), [])
  const rooms = ['lib', 'src'].flatMap(folder => fs.readdirSync(path.join(root, folder), { withFileTypes: true })
    .filter(entry => entry.isDirectory()).map(({ name }) => `${folder}/${name}`))
  assert.deepStrictEqual(rooms.filter(room => !named.includes(room)), [])
  const [same] = table.split('\n').filter(row => row.includes('the folder of the same name'))
  for (const [, room] of same.matchAll(/`lib\/(\w+)`/g)) assert.ok(fs.existsSync(path.join(root, '__test__', room)), room)
  const folders = fs.readdirSync(path.join(root, '__test__'), { withFileTypes: true })
  assert.deepStrictEqual(folders.filter(entry => !entry.isDirectory()).map(({ name }) => name), [], 'tests without a room')
  const known = [...same.matchAll(/`lib\/(\w+)`/g), ...page.matchAll(/`__test__\/(\w+)`/g)].map(([, name]) => name)
  assert.deepStrictEqual(folders.map(({ name }) => name).filter(name => !known.includes(name)), [], 'rooms without a row')
})

test('scripts, bench and netlab require nothing of the tests', () => {
  const files = ['bench', 'netlab', 'scripts'].flatMap(filesOf).filter(file => !file.includes('/node_modules/'))
  const wrong = [...importsOf(root, files)].filter(([, names]) => [...names].some(name => name.startsWith('__test__')))
  assert.deepStrictEqual(wrong, [])
})

test('every file above 400 lines has a reason in docs/ARCHITECTURE.md, and every reason a file', () => {
  const page = fs.readFileSync(path.join(root, 'docs/ARCHITECTURE.md'), 'utf8')
  const [, table] = /## Long files\n([^]*?)(\n## |$)/.exec(page)
  const excused = [...table.matchAll(/^\| `([^`]+)` \|/gm)].map(([, file]) => file)
  const long = [...filesOf('lib'), ...filesOf('bin'), ...filesOf('install'), ...rustFiles('src')]
    .filter(file => fs.readFileSync(path.join(root, file), 'utf8').split('\n').length > 401)
  assert.deepStrictEqual(excused.sort(), long.sort())
})

function rustFiles (folder) {
  return fs.readdirSync(path.join(root, folder), { recursive: true })
    .filter(name => name.endsWith('.rs')).map(name => path.posix.join(folder, name.split(path.sep).join('/')))
}
