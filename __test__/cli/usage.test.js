'use strict'

// What `grenache` says of itself, and to command lines that make no sense.

const assert = require('node:assert')
const { spawn, spawnSync } = require('node:child_process')
const { once } = require('node:events')
const { test } = require('node:test')
const { limited } = require('../../scripts/lib/child')
const { announce, network, run } = require('../helpers/peers/command')

const COMMANDS = [
  'lookup', 'announce', 'put', 'get', 'ls', 'request', 'map', 'pub', 'sub', 'bench', 'ping', 'info', 'serve', 'completion'
]

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

test('the version and the help have every usual name', async t => {
  const { version } = require('../../package.json')
  for (const name of ['--version', '-v', 'version']) {
    assert.deepStrictEqual(await run(t, [name]), { code: 0, stdout: `${version}\n`, stderr: '' }, name)
  }
  const all = await run(t, ['--help'])
  for (const name of ['-h', 'help']) assert.deepStrictEqual(await run(t, [name]), all, name)
  assert.deepStrictEqual(await run(t, ['help', 'bench']), await run(t, ['bench', '-h']))
})

test('options of all commands may come before the command', async t => {
  const { url, link } = await network(t)
  await announce(link, 'service', 1337)
  const found = { code: 0, stdout: '127.0.0.1:1337\n', stderr: '' }
  for (const line of [
    ['--grape', url, '--no-json', 'lookup', 'service'],
    [`--grape=${url}`, 'lookup', '--no-json', 'service'],
    ['--no-json', '--timeout', '5000', 'lookup', 'service', '--grape', url],
    // A value that is called like a command is none.
    ['--grape', url, '--ca', 'lookup', '--no-json', 'lookup', 'service']
  ]) {
    const result = await run(t, line)
    if (line.includes('--ca')) assert.match(result.stderr, /^grenache: --ca: ENOENT/)
    else assert.deepStrictEqual(result, found, line.join(' '))
  }
})

/** The words that bash offers for a line; the last one is what is being typed. */
async function completed (t, script, words) {
  const bash = spawn('bash', ['--norc', '-c', `${script}
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _grenache; printf '%s\\n' "\${COMPREPLY[@]}"`, 'bash', 'grenache', ...words])
  t.after(() => bash.kill('SIGKILL'))
  let output = ''
  for (const stream of [bash.stdout, bash.stderr]) stream.setEncoding('utf8').on('data', text => { output += text })
  await limited(once(bash, 'close'), 'the end of bash')
  return output.split('\n').filter(Boolean).sort()
}

test('bash completes commands, options and files', async t => {
  const { stdout: script, code } = await run(t, ['completion', 'bash'])
  assert.strictEqual(code, 0)
  const complete = (...words) => completed(t, script, words)
  assert.deepStrictEqual(await complete('lo'), ['lookup'])
  assert.deepStrictEqual(await complete('p'), ['ping', 'pub', 'put'])
  assert.deepStrictEqual(await complete('bench', '--in'), ['--in-flight', '--insecure'])
  assert.deepStrictEqual(await complete('lookup', '--in'), ['--insecure'])
  assert.deepStrictEqual(await complete('--grape', 'lookup', 'ben'), ['bench'])
  assert.deepStrictEqual(await complete('--json', 'bench', '--sec'), ['--seconds'])
  assert.deepStrictEqual(await complete('completion', ''), ['bash', 'fish', 'zsh'])
  assert.deepStrictEqual(await complete('lookup', '--cert', __filename.slice(0, -3)), [__filename])
})

test('every shell\'s script has every command and option, and is one that the shell takes', async t => {
  for (const [shell, check] of [['bash', ['-n']], ['zsh', ['-n']], ['fish', ['--no-execute']]]) {
    const { stdout } = await run(t, ['completion', shell])
    for (const name of COMMANDS) assert.match(stdout, new RegExp(`\\b${name}\\b`), shell)
    for (const option of ['grape-port', 'in-flight', 'keep', 'announce']) assert.match(stdout, new RegExp(`-(l |-)${option}\\b`), shell)
    // Where there is no such shell, nobody completes by it.
    const { status, error, stderr } = spawnSync(shell, check, { input: stdout, encoding: 'utf8' })
    assert.ok(status === 0 || error?.code === 'ENOENT', `${shell}: ${stderr}`)
  }
})

test('a command line that makes no sense ends with 2, and one line that says why', async t => {
  await Promise.all([
    [[], 'a command is wanted'],
    [['nothing'], 'nothing: no such command'],
    [['help', 'nothing'], 'nothing: no such command'],
    [['lokup', 'key'], 'lokup: no such command; did you mean lookup?'],
    [['SUB', 'key'], 'SUB: no such command'],
    [['hlep'], 'hlep: no such command; did you mean help?'],
    [['lookup', 'key', '--grap', 'x'], "Unknown option '--grap'; did you mean --grape?"],
    [['--nothing'], "Unknown option '--nothing'"],
    [['lookup', 'key', '--grape', 'foo'], '--grape foo: an address such as http://127.0.0.1:30001 is wanted'],
    [['lookup', 'key', '--grape', 'http://'], '--grape http://: an address such as http://127.0.0.1:30001 is wanted'],
    [['ls', '--grape', 'http://a:1,10.0.0.1:30001'], '--grape 10.0.0.1:30001: an address such as http://127.0.0.1:30001 is wanted; did you mean http://10.0.0.1:30001?'],
    [['ls', '--grape', 'ftp://me:secret@a:1'], '--grape ftp://a:1: an address such as http://127.0.0.1:30001 is wanted'],
    [['announce', 'key', '0'], '0: the port of a service is wanted, from 1 to 65535'],
    [['serve', 'key'], 'serve: --echo or --reply is wanted'],
    [['serve', 'key', '--echo', '--reply', '1'], 'serve: --echo or --reply is wanted'],
    [['serve', 'key', '--reply', '{'], /^the payload is no JSON: [^\n]+$/],
    [['completion', 'tcsh'], 'tcsh: bash, zsh or fish is wanted'],
    [['lookup'], 'lookup: <key> is missing'],
    [['request', 'key'], 'request: <json> is missing'],
    [['lookup', 'key', 'more'], 'lookup: more is too much'],
    [['lookup', 'key', '--nothing'], "Unknown option '--nothing'"],
    [['lookup', 'key', '--timeout', '0'], '--timeout 0: a number above 0 is wanted'],
    [['lookup', 'key', '--grape-port', 'x'], '--grape-port x: a whole number above 0 is wanted'],
    [['bench', 'key', '--seconds', '0.0'], '--seconds 0.0: a number above 0 is wanted'],
    [['announce', 'key', '65536'], '65536: the port of a service is wanted, from 1 to 65535'],
    [['pub'], 'pub: <port> or --announce is missing'],
    [['pub', '0', '--wait', 'x'], '--wait x: a whole number above 0 is wanted'],
    [['sub', 'key', '--count', '-'], '--count -: a whole number above 0 is wanted'],
    [['request', 'key', '{'], /^the payload is no JSON: [^\n]+$/],
    [['map', 'key', 'hello'], /^the payload is no JSON: [^\n]+; for text: '"hello"'$/],
    [['request', 'key', 'two words'], /^the payload is no JSON: [^\n]+; for text: '"two words"'$/],
    [['request', 'key', '1', '--key', __filename], '--cert and --key go together']
  ].map(async ([args, text]) => {
    const { code, stdout, stderr } = await run(t, args)
    assert.deepStrictEqual([code, stdout], [2, ''], stderr)
    const [, said] = /^grenache: (.*); try: grenache --help\n$/.exec(stderr) || [null, stderr]
    if (text instanceof RegExp) assert.match(said, text)
    else assert.strictEqual(said, text)
  }))
})
