'use strict'

// The command `grape`.

const assert = require('node:assert')
const { spawn } = require('child_process')
const { once } = require('events')
const net = require('net')
const path = require('path')
const { test } = require('node:test')
const { ask, exchange } = require('../../scripts/lib/grape-api')
const { freePort, freeUdpPort } = require('../../scripts/lib/ports')
const { limited } = require('../../scripts/lib/child')

const COMMANDS = {
  original: path.join(path.dirname(require.resolve('grenache-grape/package.json')), 'bin', 'grape.js'),
  native: path.join(__dirname, '..', '..', 'bin', 'grape.js')
}

/** A running command; `output` grows. */
class Command {
  constructor (t, args, name = 'native') {
    this.process = spawn(process.execPath, [COMMANDS[name], ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.output = ''
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.setEncoding('utf8').on('data', text => { this.output += text })
    }
    this.closed = once(this.process, 'close')
    t.after(() => this.process.kill('SIGKILL'))
  }

  /** Resolves once the output has what `pattern` wants. */
  prints (pattern) {
    return limited(new Promise((resolve, reject) => {
      const look = () => pattern.test(this.output) && resolve(this.output)
      this.process.stdout.on('data', look)
      this.closed.then(() => reject(new Error(`it ended: ${this.output}`)))
      look()
    }), `${pattern}`)
  }

  /** Resolves with the exit code. */
  async ends () {
    const [code] = await limited(this.closed, 'its end')
    return code
  }
}

test('C267: the command takes the original\'s options, and both kinds form one network', async t => {
  const [dp, other, aph, otherApi] = [await freeUdpPort(), await freeUdpPort(), await freePort(), await freePort()]
  const ours = new Command(t, ['--dp', dp, '--aph', aph, '--bn', `127.0.0.1:${other}`, '-b', '127.0.0.1', '--dc', '32',
    '--dht_maxTables=100', '--dht_maxValues', '100', '--dpa', '300000', '--cache_maxAge', '1', '--dnl', '60000',
    '--check_maxPayloadSize', '4096'])
  await ours.prints(/status page/)
  const theirs = new Command(t, ['--dht_port', other, '--api_port', otherApi, '--bootstrap', `127.0.0.1:${dp}`], 'original')
  const end = Date.now() + 15000
  const isUp = async () => {
    try {
      return (await ask(`http://127.0.0.1:${otherApi}`, 'announce', ['key', 1337])) === 1
    } catch (err) {
      return false
    }
  }
  while (!await isUp()) assert(Date.now() < end, theirs.output)
  assert.deepStrictEqual(await ask(`http://127.0.0.1:${aph}`, 'lookup', 'key'), ['127.0.0.1:1337'])
})

test('C268: the command says what listens where, and stops cleanly on SIGINT and SIGTERM', async t => {
  for (const signal of ['SIGINT', 'SIGTERM']) {
    const [dp, aph] = [await freeUdpPort(), await freePort()]
    const command = new Command(t, ['--dp', dp, '--aph', aph, '--bn', '', '--bind', '127.0.0.1'])
    await command.prints(new RegExp(`UDP 127\\.0\\.0\\.1:${dp}\nHTTP API and status page at http://127\\.0\\.0\\.1:${aph}/`))
    command.process.kill(signal)
    assert.strictEqual(await command.ends(), 0, command.output)
  }
})

test('C269: --json prints a JSON object a line', async t => {
  const command = new Command(t, ['--dp', '0', '--aph', '0', '--bn', '', '--bind', '127.0.0.1', '--json'])
  await command.prints(/ready/)
  command.process.kill()
  assert.strictEqual(await command.ends(), 0)
  const events = command.output.trim().split('\n').map(line => JSON.parse(line).event)
  assert.deepStrictEqual(events, ['listening', 'ready', 'stopping'])
})

test('C270: the command tells what is wrong: options, bootstrap list, a port in use', async t => {
  const server = net.createServer().listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address()
  const rest = ['--bind', '127.0.0.1']
  for (const [args, text, code] of [
    [['--aphh', '1'], /--aphh: unknown option; did you mean --aph\?/, 2],
    [['start'], /start: what is this\? Options begin with --/, 2],
    [['--dp', 'x'], /--dp x: a port from 0 to 65535 is wanted/, 2],
    [['--nothing'], /--nothing: unknown option/, 2],
    [['--dp', '0', '--aph', '0', '--bn', '127.0.0.1'], /--bn 127\.0\.0\.1: host:port is wanted/, 2],
    [['--dp', '0', '--aph', port, '--bn', '', ...rest], new RegExp(`TCP port ${port} is in use.*--aph`), 1],
    [['--dp', '0', '--aph', '0', '--bn', '', '--bind', '203.0.113.1'], /203\.0\.113\.1 is no address of this machine/, 1]
  ]) {
    const command = new Command(t, args)
    assert.strictEqual(await command.ends(), code, command.output)
    assert.match(command.output, text)
    assert.doesNotMatch(command.output, /^ {4}at /m)
  }
})

test('C271: --help and --version print and end', async t => {
  const help = new Command(t, ['--help'])
  assert.strictEqual(await help.ends(), 0)
  assert.match(help.output, /--dp, --dht_port/)
  const version = new Command(t, ['--version'])
  assert.strictEqual(await version.ends(), 0)
  assert.strictEqual(version.output.trim(), require('../../package.json').version)
})

test('C272: the command keeps an announce at least as long as services take to announce again', async t => {
  const { LASTING_AGE } = require('../../lib/options/defaults')
  // They wait 60 to 180 s, and an address lives for two thirds of its age at least.
  assert(LASTING_AGE * 2 / 3 > 180000)
  const aph = await freePort()
  const command = new Command(t, ['--dp', '0', '--aph', aph, '--bn', '', '--bind', '127.0.0.1'])
  await command.prints(/status page/)
  assert.strictEqual((await exchange(`http://127.0.0.1:${aph}/status`)).answer.ready, true)
})

test('C551: without options the command runs one node of its own', async t => {
  const { parse } = require('../../lib/cli/grapeOptions')
  const { COMMAND_API_PORT, GRAPE } = require('../../lib/options/defaults')
  assert.deepStrictEqual(parse([]), { dht_port: GRAPE.dht_port, api_port: COMMAND_API_PORT, dht_bootstrap: [] })
  const command = new Command(t, ['--dp', '0', '--aph', '0', '--bind', '127.0.0.1'])
  const output = await command.prints(/the first look around in the network is done/)
  assert.match(output, /other nodes: none, it waits for others/)
  assert.doesNotMatch(output, /warning/)
  const api = /http:\/\/\S+/.exec(output)[0]
  assert.strictEqual(await ask(api.slice(0, -1), 'announce', ['key', 1337]), 1)
  assert.deepStrictEqual(await ask(api.slice(0, -1), 'lookup', 'key'), ['127.0.0.1:1337'])
})

test('C552: the command says which bootstrap node does not answer, and when one does', async t => {
  const [dp, other] = [await freeUdpPort(), await freeUdpPort()]
  const rest = ['--aph', '0', '--bind', '127.0.0.1']
  const first = new Command(t, ['--dp', dp, '--bn', `127.0.0.1:${other}`, ...rest])
  await first.prints(new RegExp(`warning: dht_bootstrap: no answer from 127\\.0\\.0\\.1:${other}; no other node is known, and they are asked again\n`))
  const second = new Command(t, ['--dp', other, '--bn', `127.0.0.1:${dp}`, ...rest])
  await first.prints(/another node answers now/)
  await second.prints(/the first look around/)
  assert.doesNotMatch(second.output, /warning/)

  // No name server is asked for a name that none can have.
  const name = 'x'.repeat(64)
  const unnamed = new Command(t, ['--dp', '0', '--bn', `${name}:20001`, ...rest])
  await unnamed.prints(new RegExp(`warning: dht_bootstrap: ${name}:20001 is not asked yet: ${name} has no address; it is looked up again\n`))
})
