'use strict'

// What `grenache` says of itself, and to command lines that make no sense.

const assert = require('node:assert')
const { test } = require('node:test')
const { run } = require('../helpers/command')

const COMMANDS = ['lookup', 'announce', 'put', 'get', 'request', 'map', 'pub', 'sub', 'bench']

test('--help lists every command, option and exit code', async t => {
  const { code, stdout, stderr } = await run(t, ['--help'])
  assert.deepStrictEqual([code, stderr], [0, ''])
  for (const name of COMMANDS) assert.match(stdout, new RegExp(`^  ${name} `, 'm'))
  for (const name of ['grape', 'grape-port', 'timeout', 'json', 'no-json', 'ca', 'cert', 'key', 'insecure']) {
    assert.match(stdout, new RegExp(`^  --${name} `, 'm'))
  }
  for (const code of [0, 1, 2, 3, 4]) assert.match(stdout, new RegExp(`^  ${code}  \\w`, 'm'))
  assert.match(stdout, /GRENACHE_GRAPE/)
  assert.match(stdout, /\(embedded\)/)
})

test('each command has its own help', async t => {
  await Promise.all(COMMANDS.map(async name => {
    const { code, stdout } = await run(t, [name, '--help'])
    assert.strictEqual(code, 0)
    assert.match(stdout, new RegExp(`^Usage: grenache ${name}.*\n\n[A-Z].*\\.\n`))
    assert.match(stdout, /^ {2}--timeout <ms> .*\(10000\)$/m)
  }))
})

test('--version prints the version', async t => {
  const { version } = require('../../package.json')
  assert.deepStrictEqual(await run(t, ['--version']), { code: 0, stdout: `${version}\n`, stderr: '' })
})

test('a command line that makes no sense ends with 2, and one line that says why', async t => {
  await Promise.all([
    [[], 'a command is wanted'],
    [['nothing'], 'nothing: no such command'],
    [['lookup'], 'lookup: <key> is missing'],
    [['request', 'key'], 'request: <json> is missing'],
    [['lookup', 'key', 'more'], 'lookup: more is too much'],
    [['lookup', 'key', '--nothing'], "Unknown option '--nothing'"],
    [['lookup', 'key', '--timeout', '0'], '--timeout 0: a number above 0 is wanted'],
    [['lookup', 'key', '--grape-port', 'x'], '--grape-port x: a whole number above 0 is wanted'],
    [['bench', 'key', '--seconds', '0.0'], '--seconds 0.0: a number above 0 is wanted'],
    [['announce', 'key', '65536'], '65536: a port from 0 to 65535 is wanted'],
    [['pub'], 'pub: <port> or --announce is missing'],
    [['pub', '0', '--wait', 'x'], '--wait x: a whole number above 0 is wanted'],
    [['sub', 'key', '--count', '-'], '--count -: a whole number above 0 is wanted'],
    [['request', 'key', '{'], /^the payload is no JSON: [^\n]+$/],
    [['request', 'key', '1', '--key', __filename], '--cert and --key go together']
  ].map(async ([args, text]) => {
    const { code, stdout, stderr } = await run(t, args)
    assert.deepStrictEqual([code, stdout], [2, ''], stderr)
    const [, said] = /^grenache: (.*); try: grenache --help\n$/.exec(stderr) || [null, stderr]
    if (text instanceof RegExp) assert.match(said, text)
    else assert.strictEqual(said, text)
  }))
})
