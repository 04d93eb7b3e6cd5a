'use strict'

// `--require` and `--import` of register put this package in the place of the originals.

const { test } = require('node:test')
const assert = require('node:assert')
const fs = require('fs')
const path = require('path')
const { pathToFileURL } = require('url')
const { run } = require('../../scripts/lib/child')
const { makeService, root, serve, workplace } = require('../helpers/package/installed')

const register = path.join(root, 'register.js')
const original = pathToFileURL(require.resolve('grenache-nodejs-ws')).href

async function prints (source, args, expected) {
  const { code, stdout, stderr } = await run(source, { args })
  assert.deepStrictEqual([code, stdout, stderr], [0, expected, ''])
}

test('import of names, defaults, lib/* and files finds this package after --import', () => prints(`
  import { PeerRPCClient, TransportRPCServer } from 'grenache-nodejs-ws'
  import whole from 'grenache-nodejs-ws'
  import PeerSub from 'grenache-nodejs-ws/lib/PeerSub.js'
  import TransportPub from 'grenache-nodejs-ws/lib/TransportPub'
  import Link from 'grenache-nodejs-link'
  import { Grape } from 'grenache-grape'
  import byFile from ${JSON.stringify(original)}
  import { createRequire } from 'module'
  const ours = createRequire(import.meta.url)(pkg)
  const { PeerPub } = await import('grenache-nodejs-ws')
  console.log(Object.entries({ PeerRPCClient, TransportRPCServer, PeerSub, TransportPub, Link, Grape, PeerPub })
    .every(([name, found]) => ours[name] === found), whole === ours, byFile === ours)
`, ['--import', pathToFileURL(register).href, '--input-type=module'], 'true true true\n'))

test('require finds this package after --import', () => prints(`
  console.log(require('grenache-nodejs-ws') === require(pkg), require('grenache-nodejs-link') === require(pkg).Link)
`, ['--import', pathToFileURL(register).href], 'true true\n'))

test('require finds this package after --require', () => prints(`
  console.log(require('grenache-nodejs-ws') === require(pkg), require('grenache-nodejs-link') === require(pkg).Link)
`, ['--require', register], 'true true\n'))

test('import finds this package after --require too', () => prints(`
  import(${JSON.stringify(original)}).then(async ({ default: byFile, PeerRPCClient }) => {
    const [{ default: ws }, { default: link }, { default: file }] =
      await Promise.all(['ws', 'link', 'ws/lib/PeerSub.js'].map(name => import('grenache-nodejs-' + name)))
    const ours = require(pkg)
    console.log(byFile === ours, ws === ours, link === ours.Link, file === ours.PeerSub, PeerRPCClient === ours.PeerRPCClient)
  })
`, ['--require', register], 'true true true true true\n'))

test('what belongs to no replaced package is left alone', () => prints(`
  import ws from 'ws8'
  import { readFileSync } from 'node:fs'
  console.log(typeof ws, typeof readFileSync)
  await import('grenache-nodejs-wsx').catch(err => console.log(err.code))
`, ['--import', pathToFileURL(register).href, '--input-type=module'], 'function function\nERR_MODULE_NOT_FOUND\n'))

for (const [option, file] of [['--require', 'service.js'], ['--import', 'service.mjs'], ['--import', 'service.js']]) {
  test(`node ${option} grenache-nodejs-ws-native/register ${file}, where the originals are not installed`, async t => {
    const folder = workplace(t)
    makeService(folder, {})
    fs.mkdirSync(path.join(folder, 'node_modules'))
    fs.symlinkSync(root, path.join(folder, 'node_modules', 'grenache-nodejs-ws-native'), 'junction')
    assert.deepStrictEqual(await serve(folder, [option, 'grenache-nodejs-ws-native/register', file]),
      { code: 0, output: 'hello world\n' })
  })
}
