'use strict'

// Every file of examples/ does what it says, each in a process of its own.

const { test } = require('node:test')
const assert = require('node:assert')
const { spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { limited } = require('../../scripts/lib/child')
const { freePort } = require('../../scripts/lib/ports')

const FOLDER = path.join(__dirname, '..', '..', 'examples')
const PORT = path.join(__dirname, '..', 'helpers', 'processes', 'grape-port.js')

/** Starts an example; `output` resolves with what it printed, once it has ended by itself. */
function start (t, file, grapePort) {
  const child = spawn(process.execPath, ['--require', PORT, path.join(FOLDER, file)], {
    env: { ...process.env, GRAPE: '', GRAPE_PORT: grapePort },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  t.after(() => child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => { output += text })
  const prints = new Promise(resolve => child.stdout.on('data', resolve))
  const closed = once(child, 'close')
  return {
    child,
    prints: () => limited(prints, `what ${file} prints`),
    output: async () => {
      const [code, signal] = await limited(closed, `the end of ${file}`)
      assert.deepStrictEqual([code, signal], [0, null], `${file}: ${output}`)
      return output
    }
  }
}

/** What each of them prints that runs by itself. */
const ALONE = {
  'async_iteration.js': /^message 1\nmessage 2\nmessage 3\n$/,
  'balance.js': /^random {[^}]*}\nround-robin { slow: 100, fast: 100, 'also fast': 100 }\nleast-pending { slow: \d+, [^}]*}\n$/,
  'handle.js': /^1 \+ 2 = 3\nerror: -1 has no root\nthe caller is gone\n$/,
  'observability.js': /client .*: 10 is round, after [^]*\nclient {[^]*\nserver {[^]*\nlink {[^]*}\n$/,
  'promises.js': /^answer: world\nanswers of all servers: \[ 'world' \]\nAbortError, since The operation was aborted due to timeout\n$/,
  'put_get.js': /^stored as [0-9a-f]{40}\nread: hello world\n$/,
  'quickstart.js': /^the service rpc_test is announced at port \d+\nasked 'hello', answered 'world'\n[\d,]+ requests a second, 64 at a time\n$/,
  'tls.js': /^hello alice\nmallory: .+\n$/
}

/** What clients of server.js print. */
const CLIENTS = {
  'client.js': /^answer: world\nthe service said: cannot answer {"not":"hello"}\n$/,
  'map.js': /^1 answered: \[ 'world' \]\n$/
}

test('each example is run here', () => {
  assert.deepStrictEqual(fs.readdirSync(FOLDER).sort(), [...Object.keys({ ...ALONE, ...CLIENTS }), 'server.js'].sort())
})

for (const [file, expected] of Object.entries(ALONE)) {
  test(`examples/${file} runs to its end`, async t => {
    assert.match(await start(t, file, await freePort()).output(), expected)
  })
}

test('examples/server.js serves its clients until it is interrupted', async t => {
  const port = await freePort()
  const server = start(t, 'server.js', port)
  assert.match(await server.prints(), /^rpc_test is announced at port \d+\n$/)
  for (const [file, expected] of Object.entries(CLIENTS)) {
    assert.match(await start(t, file, port).output(), expected)
  }
  server.child.kill('SIGINT')
  await server.output()
})
