'use strict'

// Each command of README.md and docs/ runs as it stands, in a folder that has the package installed, beside
// the server of the README. It says here what each of them prints; a command that is not listed fails.

const { after, test } = require('node:test')
const assert = require('node:assert')
const fs = require('fs')
const os = require('os')
const path = require('path')
const { Network } = require('../helpers/docs/namespace')
const { PAGES, ROOT, blockOf, blocksOf } = require('../helpers/docs/pages')

const NAME = 'grenache-nodejs-ws-native'

/** A file of tests that runs the command. */
const runBy = file => ({ runBy: file })

/** What each command prints. One that is endless is ended then; `when` is done while it runs. */
const COMMANDS = {
  'npm ci && npm run quickstart': runBy('docs/examples.test.js'),
  'npm ci && npm test': { runBy: '../.ci/run' },
  [`npm install ${NAME}`]: runBy('registry/install.test.js'),
  [`npm install grenache-nodejs-ws@npm:${NAME}@^1 grenache-nodejs-link@npm:grenache-nodejs-link-native@^1`]: runBy('registry/install.test.js'),
  'npm ls grenache-nodejs-ws': runBy('registry/install.test.js'),
  [`npx -p ${NAME} grenache-build`]: runBy('registry/install.test.js'),
  [`node --require ${NAME}/register app.js`]: runBy('register/register.test.js'),
  [`node --import ${NAME}/register app.mjs`]: runBy('register/register.test.js'),
  'grape --dp 20001 --aph 30001 --bn 10.0.0.2:20001': { prints: /^\{"listening".*30001|20001/, isEndless: true },
  'grape --dp 20001 --aph 30001 --bn 10.0.0.1:20001': { prints: /^\{"listening".*30001|20001/, isEndless: true },
  [`npx -p ${NAME} grape --dp 20001 --aph 30001 --bn 10.0.0.1:20001,10.0.0.2:20001`]: { prints: /20001/, isEndless: true },
  [`npx -p ${NAME} grape --dp 20002 --aph 40001 --bn 10.0.0.1:20001,10.0.0.2:20001`]: { prints: /20002/, isEndless: true },
  'grenache ls': { prints: /^\{"name":"rpc_test","address":"127\.0\.0\.1:1337","age":\d+\}\n$/ },
  'grenache lookup rpc_test': { prints: /^\{"address":"127\.0\.0\.1:1337"\}\n$/ },
  'grenache request rpc_test \'{"hello":"world"}\'': { prints: /^\{"answer":"world"\}\n$/ },
  'grenache serve rpc_test --echo': { prints: /^\{"serving":"rpc_test","port":\d+\}\n/, isEndless: true },
  'grenache ping rpc_test': { prints: /^\{"address":"127\.0\.0\.1:1337","connect":[\d.]+,"ping":[\d.]+\}\n$/ },
  'grenache bench rpc_test --in-flight 64 --seconds 5': { prints: /^\{"requestsPerSecond":\d+,.*"errors":0,"inFlight":64,"seconds":5/ },
  'tail -f log | grenache pub 1338 --announce pub_test': { prints: /\{"publishing":1338\}\n/, isEndless: true },
  'grenache sub pub_test': {
    beside: 'tail -f log | grenache pub 1338 --announce pub_test',
    after: 'pub_test',
    when: () => setInterval(() => fs.appendFileSync(path.join(folder, 'log'), 'a line\n'), 50),
    prints: /^\{"message":"a line"/,
    isEndless: true
  },
  'grenache announce old_service 1337 --keep': { prints: /^\{"announced":"old_service","port":1337\}\n/, isEndless: true },
  'grenache put \'a text\'': { prints: /^\{"hash":"[0-9a-f]{40}"\}\n$/ },
  [`npx -p ${NAME} grenache lookup rpc_test --grape http://127.0.0.1:30001`]: { grape: true, prints: /^\{"address":"127\.0\.0\.1:1337"\}\n$/ },
  [`npx -p ${NAME} grenache request rpc_test '"hello"' --grape http://127.0.0.1:30001`]: { grape: true, prints: /^\{"answer":"world"\}\n$/ },
  'NODE_DEBUG=grenache node service.js': { prints: /announce at http:\/\/127\.0\.0\.1:31001: 1/, isEndless: true }
}

/** Bundlers come from the registry. */
const BUNDLING = 'docs/BUNDLING.md'

const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'grenache-docs-')))
after(() => fs.rmSync(folder, { recursive: true, force: true }))
const bin = path.join(folder, 'node_modules', '.bin')
fs.mkdirSync(bin, { recursive: true })
fs.symlinkSync(ROOT, path.join(folder, 'node_modules', NAME), 'junction')
for (const [name, file] of Object.entries(require('../../package.json').bin)) fs.symlinkSync(path.join(ROOT, file), path.join(bin, name))
fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: { [NAME]: '*' } }))
fs.writeFileSync(path.join(folder, 'log'), '')
const SERVER = blockOf('README.md', 'Server', 'js')
fs.writeFileSync(path.join(folder, 'service.js'), SERVER)
fs.writeFileSync(path.join(folder, 'service-elsewhere.js'), SERVER.replace('\'embedded\'', '\'http://127.0.0.1:30001\''))

const aliases = []
const commands = new Set()
for (const page of PAGES.filter(page => page !== BUNDLING)) {
  for (const { language, text } of blocksOf(page)) {
    if (language !== 'sh') continue
    for (const line of text.split('\n').map(line => line.replace(/ +#.*/, '')).filter(line => line !== '')) {
      if (line.startsWith('alias ')) aliases.push(line)
      else commands.add(line)
    }
  }
}

/** As somebody types it, who has the aliases of the pages. */
const bash = command => ['-c', ['shopt -s expand_aliases', ...aliases, command].join('\n')]

test('each command is run', () => {
  assert.deepStrictEqual([...commands].sort(), Object.keys(COMMANDS).sort())
})

for (const [command, { runBy, prints, isEndless, beside, after, when, grape }] of Object.entries(COMMANDS)) {
  test(command, async t => {
    if (runBy !== undefined) return assert.ok(fs.existsSync(path.join(__dirname, '..', runBy)))
    const network = await Network.open(t)
    const run = (name, args) => network.start(name, args, { cwd: folder, detached: true })
    const isServed = async (key, ...args) => {
      while (await run(process.execPath, [path.join(bin, 'grenache'), 'lookup', key, ...args]).ends() !== 0);
    }
    if (command.startsWith('grenache')) {
      run(process.execPath, ['service.js'])
      await isServed('rpc_test')
    }
    if (grape) {
      run(process.execPath, [path.join(bin, 'grape'), '--dp', '20001', '--aph', '30001', '--bn', '127.0.0.1:20002'])
      run(process.execPath, ['service-elsewhere.js'])
      await isServed('rpc_test', '--grape', 'http://127.0.0.1:30001')
    }
    if (beside !== undefined) run('bash', bash(beside))
    if (after !== undefined) await isServed(after)
    if (when !== undefined) {
      const timer = when()
      t.after(() => clearInterval(timer))
    }
    const own = run('bash', bash(command))
    if (isEndless) return own.prints(prints)
    assert.strictEqual(await own.ends(), 0, own.output)
    assert.match(own.output, prints)
  })
}
