'use strict'

// What services, grapes and publishers say to whoever uses the command: it may not rule a terminal,
// and what reads a pipe gets JSON, or the text as it is.

const assert = require('assert')
const http = require('http')
const { test } = require('node:test')
const path = require('path')
const { Command, network, objects, publish, run, serve } = require('../helpers/peers/command')
const { Stage } = require('../helpers/conformance')
const { TEXT, BINARY, frame, rawServer } = require('../../scripts/lib/frames')
const { fail, standIn } = require('../helpers/grapes/stand-in')

/** Clears the screen, sets the title, hides what follows, and turns the direction of writing. */
const EVIL = '\x1b[2J\x1b]0;title\x07\b\r\x9b31m\x7f\u202egnp.exe\u2066\u2028end'
const SHOWN = '\\u001b[2J\\u001b]0;title\\u0007\\u0008\\u000d\\u009b31m\\u007f\\u202egnp.exe\\u2066\\u2028end'

/** What no line may have but its end. */
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u2028\u2029]/

/** The command, as it is when a terminal reads what it prints. */
const TERMINAL = {
  node: ['-e', `process.stdout.isTTY = true; require(${JSON.stringify(path.join(__dirname, '..', '..', 'lib', 'cli'))})(process.argv.slice(1))`, '--']
}

const arrays = levels => '['.repeat(levels) + ']'.repeat(levels)
const deeper = value => { for (let level = 0; level < 200; level++) value = [value]; return value }

function mustBeClean ({ stdout, stderr }) {
  assert.doesNotMatch(stdout, CONTROL)
  assert.doesNotMatch(stderr, CONTROL)
  assert.doesNotMatch(stderr, /\bat .*\.js:\d+/)
}

for (const json of [true, false]) {
  for (const terminal of [true, false]) {
    const options = [json ? '--json' : '--no-json']
    const how = `${json ? 'JSON' : 'text'}, ${terminal ? 'a terminal' : 'a pipe'}`
    const command = (t, args, more) => run(t, [...args, ...options], { ...(terminal && TERMINAL), ...more })

    test(`answers and errors of a service: ${how}`, async t => {
      const { url, link } = await network(t)
      const values = { text: EVIL, object: { [EVIL]: [EVIL] }, deep: deeper(EVIL) }
      await serve(t, link, 'evil', name => name === 'error' ? new Error(EVIL) : name === 'long' ? new Error(EVIL.repeat(10000)) : values[name])
      await Promise.all(Object.entries(values).map(async ([name, value], at) => {
        const { code, ...output } = await command(t, [at % 2 ? 'request' : 'map', 'evil', JSON.stringify(name), '--grape', url])
        assert.strictEqual(code, 0, output.stderr)
        mustBeClean(output)
        const answer = json ? objects(output.stdout)[0].answer : JSON.parse(output.stdout.replace(/^127[^ ]+: /, ''))
        assert.deepStrictEqual(answer, value)
      }))
      await Promise.all(['error', 'long'].map(async name => {
        const { code, ...output } = await command(t, ['request', 'evil', JSON.stringify(name), '--grape', url])
        assert.strictEqual(code, 1)
        mustBeClean(output)
        assert.ok(output.stderr.startsWith('grenache: \\u001b[2J') && output.stderr.length < 4000, output.stderr.slice(0, 100))
      }))
    })

    test(`answers of a service that nest too deep: ${how}`, async t => {
      const stage = new Stage(t)
      const { dest } = await rawServer(stage, async raw => {
        const [rid] = JSON.parse((await raw.next()).text)
        raw.send(frame(TEXT, `["${rid}",null,${arrays(4200)}]`))
      })
      const grape = await standIn(stage, () => [dest])
      const { code, ...output } = await command(t, ['request', 'evil', '1', '--grape', grape.url])
      assert.deepStrictEqual([code, output], [1, { stdout: '', stderr: 'grenache: ERR_NESTING_LIMIT\n' }])
    })

    if (!terminal) {
      test(`an answer whose lines would be mostly blanks: ${how}`, async t => {
        const stage = new Stage(t)
        // With blanks it has 500 MB, for which there is no room.
        const answer = '['.repeat(250) + Array(1e6).fill(1).join() + ']'.repeat(250)
        const { dest } = await rawServer(stage, async raw => {
          const [rid] = JSON.parse((await raw.next()).text)
          raw.send(frame(TEXT, `["${rid}",null,${answer}]`))
        })
        const grape = await standIn(stage, ({ type }) => type === 'get' ? { v: JSON.parse(answer.replace(/1(,1)+/, '1')) } : [dest])
        const node = ['--max-old-space-size=128', path.join(__dirname, '..', '..', 'bin', 'grenache.js')]
        const { code, stdout, stderr } = await run(t, ['request', 'evil', '1', '--grape', grape.url, ...options], { node })
        assert.strictEqual(code, 0, stderr)
        assert.ok(stdout.trimEnd() === (json ? `{"answer":${answer}}` : answer))
        assert.strictEqual((await run(t, ['get', 'hash', '--grape', grape.url, ...options], { node })).code, 0)
      })
    }

    test(`an answer of control characters alone: ${how}`, async t => {
      const stage = new Stage(t)
      const answer = '\x7f'.repeat(3e6)
      const { dest } = await rawServer(stage, async raw => {
        const [rid] = JSON.parse((await raw.next()).text)
        raw.send(frame(TEXT, `["${rid}",null,"${answer}"]`))
      })
      const grape = await standIn(stage, () => [dest])
      const node = ['--max-old-space-size=100', ...(terminal ? TERMINAL.node : [path.join(__dirname, '..', '..', 'bin', 'grenache.js')])]
      const { code, stdout, stderr } = await run(t, ['request', 'evil', '1', '--grape', grape.url, ...options], { node })
      assert.strictEqual(code, 0, stderr.slice(0, 1000))
      const shown = `"${'\\u007f'.repeat(3e6)}"`
      assert.ok(stdout === `${json ? `{"answer":${shown}}` : shown}\n`)
    })

    test(`messages of a publisher: ${how}`, async t => {
      const { url, link } = await network(t)
      const service = await publish(t, link, 'evil')
      const bytes = Buffer.from([0xff, 0x1b, 0x5b, 0x32, 0x4a, 0xc2, 0x9b])
      const subscribed = new Command(t, ['sub', 'evil', '--count', 2, '--grape', url, ...options], { stdin: null, ...(terminal && TERMINAL) })
      const parts = []
      subscribed.process.stdout.removeAllListeners('data')
      subscribed.process.stdout.setEncoding('latin1').on('data', part => parts.push(part))
      service.socket.once('connection', () => {
        service.pub(EVIL)
        service.pub(bytes)
      })
      const { code, stderr } = await subscribed.ends()
      assert.strictEqual(code, 0, stderr)
      const stdout = Buffer.from(parts.join(''), 'latin1')
      if (json) {
        mustBeClean({ stdout: String(stdout), stderr })
        assert.deepStrictEqual(objects(String(stdout)), [{ message: EVIL }, { binary: bytes.toString('base64') }])
      } else if (terminal) {
        mustBeClean({ stdout: String(stdout), stderr })
        assert.strictEqual(String(stdout), `${SHOWN}\n\ufffd\\u001b[2J\\u009b\n`)
      } else {
        // Byte for byte.
        assert.deepStrictEqual(stdout, Buffer.concat([Buffer.from(`${EVIL}\n`), bytes, Buffer.from('\n')]))
      }
    })

    // A process for each of them.
    if (json !== terminal) {
      test(`what a grape says: ${how}`, async t => {
        const stage = new Stage(t)
        const commands = [['lookup', 'key'], ['get', 'hash'], ['put', 'value'], ['announce', 'key', '1']]
        const answers = [[200, JSON.stringify(EVIL)], [200, JSON.stringify([EVIL])], [200, '{"toString":1}'], [500, EVIL], [500, arrays(4200)]]
        await Promise.all(commands.map(async line => {
          for (const [status, body] of answers) {
            const grape = await standIn(stage, fail(status, body))
            const { code, ...output } = await command(t, [...line, '--grape', grape.url])
            mustBeClean(output)
            assert.ok(code === 1 || (status === 200 && [0, 3].includes(code)), `${line} ${body.slice(0, 20)}: ${code} ${output.stderr}`)
          }
        }))
      })
    }

    test(`a stored value: ${how}`, async t => {
      const stage = new Stage(t)
      await Promise.all([EVIL, { text: EVIL }, null].map(async value => {
        const grape = await standIn(stage, () => ({ v: value }))
        const { code, ...output } = await command(t, ['get', 'hash', '--grape', grape.url])
        assert.strictEqual(code, 0, output.stderr)
        if (json) {
          mustBeClean(output)
          assert.deepStrictEqual(objects(output.stdout), [{ hash: 'hash', value }])
        } else if (value === EVIL) {
          assert.strictEqual(output.stdout, `${terminal ? SHOWN : EVIL}\n`)
        } else {
          mustBeClean(output)
          assert.deepStrictEqual(JSON.parse(output.stdout), value)
        }
      }))
    })
  }
}

for (const json of [true, false]) {
  test(`a publisher is not read while nobody reads what it says: ${json ? 'JSON' : 'text'}`, async t => {
    const stage = new Stage(t)
    const SIZE = 65536
    const most = 160 * 1024 * 1024
    let sent = 0
    const publisher = { isFull: false }
    let end = () => {}
    const { dest } = await rawServer(stage, async raw => {
      const pour = () => {
        publisher.isFull = false
        while (sent * SIZE < most && raw.socket.writable) {
          if (raw.socket.write(frame(TEXT, String(sent++).padStart(SIZE, '.')))) continue
          publisher.isFull = true
          return
        }
        end()
      }
      raw.socket.on('drain', pour)
      pour()
    })
    const grape = await standIn(stage, () => [dest])
    const subscribed = new Command(t, ['sub', 'key', '--grape', grape.url, json ? '--json' : '--no-json'], { stdin: null })
    const { stdout } = subscribed.process
    stdout.removeAllListeners('data')
    stdout.pause()
    // The publisher cannot say more, and that does not change.
    await Promise.race([
      new Promise(resolve => { end = resolve }),
      (async () => {
        let before
        do {
          before = sent
          await new Promise(resolve => setTimeout(resolve, 1000))
        } while (before !== sent || !publisher.isFull)
      })()
    ])
    assert.ok(sent * SIZE < most, `${sent * SIZE} bytes`)
    // Who reads again gets all of it.
    let next = 0
    const all = new Promise(resolve => {
      require('readline').createInterface({ input: stdout }).on('line', line => {
        assert.strictEqual(Number((json ? JSON.parse(line).message : line).replace(/^\.*/, '')), next++)
        if (next * SIZE >= most) resolve()
      })
    })
    await all
    subscribed.process.kill('SIGINT')
    assert.strictEqual((await subscribed.ends()).code, 0)
  })
}

test('a message too long for a line is told, and the next one is printed', async t => {
  // As if it had no room in a string: one of 500 MB would take too long.
  const { stringify } = JSON
  const stage = new Stage(t)
  const { dest } = await rawServer(stage, async raw => raw.send(frame(TEXT, 'long'), frame(TEXT, 'fine')))
  const grape = await standIn(stage, () => [dest])
  const preload = 'const { stringify } = JSON; JSON.stringify = value => { if (value && value.message === "long") throw new RangeError("Invalid string length"); return stringify(value) }'
  const node = ['-e', `${preload}; require(${stringify(path.join(__dirname, '..', '..', 'lib', 'cli'))})(process.argv.slice(1))`, '--']
  const { code, stdout, stderr } = await run(t, ['sub', 'key', '--count', 2, '--grape', grape.url, '--json'], { node, stdin: null })
  assert.deepStrictEqual([code, stdout], [0, '{"message":"fine"}\n'])
  assert.match(stderr, /^grenache: a message cannot be printed: Invalid string length$/m)
})

test('the lines of NODE_DEBUG', async t => {
  const stage = new Stage(t)
  const answers = [
    [200, JSON.stringify([EVIL])], [200, JSON.stringify(EVIL.repeat(10000))], [500, EVIL], [200, arrays(4200)], [500, arrays(4200)], [404, '']
  ]
  await Promise.all(answers.map(async ([status, body]) => {
    const grape = await standIn(stage, fail(status, body))
    const output = await run(t, ['request', 'key', '1', '--grape', grape.url], { env: { NODE_DEBUG: 'grenache' } })
    mustBeClean(output)
    assert.match(output.stderr, /^GRENACHE \d+: lookup at http/m)
    for (const line of output.stderr.split('\n')) assert.ok(line.length < 5000, line.slice(0, 100))
  }))
  // A close reason, and what a server answers in place of an upgrade.
  const { dest } = await rawServer(stage, async raw => {
    await raw.next()
    raw.send(frame(BINARY, EVIL), frame(8, Buffer.concat([Buffer.from([3, 0xe8]), Buffer.from(EVIL)])))
    raw.socket.end()
  })
  const grape = await standIn(stage, () => [dest])
  mustBeClean(await run(t, ['request', 'key', '1', '--grape', grape.url], { env: { NODE_DEBUG: 'grenache' } }))
})

/** What a grape may say with status 200 instead of an answer. */
const ODD = ['null', '5', 'true', '""', '[]', '["x"]', '{}', '{"toString":1}', '[[]]']

for (const [name, args, fine] of [['get', ['hash'], { null: 3, '""': 3 }], ['put', ['value'], {}], ['announce', ['key', 1], { null: 0, 5: 0 }]]) {
  test(`a grape's answer to ${name} that makes no sense is an error of one line`, async t => {
    const stage = new Stage(t)
    await Promise.all(ODD.map(async answer => {
      const grape = await standIn(stage, (request, res) => { res.end(answer) })
      const { code, stdout, stderr } = await run(t, [name, ...args, '--grape', grape.url])
      assert.strictEqual(code, fine[answer] ?? 1, `${answer} ${stdout} ${stderr}`)
      if (code === 0) return
      assert.strictEqual(stdout, '')
      assert.match(stderr, /^grenache: [^\n]+\n$/)
      assert.doesNotMatch(stderr, /undefined|\[object|Cannot|primitive|\s{4}at /)
    }))
  })
}

/** A grape whose status is what `answer(page)` returns. */
async function tells (t, answer) {
  const server = http.createServer((req, res) => res.end(answer(+new URL(req.url, 'http://a').searchParams.get('page')))).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  t.after(() => { server.closeAllConnections(); server.close() })
  return `http://127.0.0.1:${server.address().port}`
}

test('ls reads a grape that lies only so far, and in time', async t => {
  const status = (services, pages = 1) => JSON.stringify({ pages, services })
  const no = /does not tell what it knows/
  for (const [answer, code, pattern] of [
    [() => '', 1, no],
    [() => '{"services":[null]}', 1, no],
    [() => status([{ name: 1, addresses: [] }]), 1, no],
    [() => status([{ name: 'a', addresses: [1, 2] }]), 1, no],
    [() => status([{ name: 'a', addresses: [[{}]] }]), 1, no],
    [() => status([{ name: 'a'.repeat(5000), addresses: [['1', 1]] }]), 1, no],
    [() => 'x'.repeat(2 << 20), 1, /length limit exceeded/],
    [page => status([{ name: `${page}`, addresses: Array.from({ length: 1000 }, (_, at) => [`${at}`, 1]) }], 1e9), 1, /tells more than 20000 addresses/],
    [() => status([], 1e300), 4, /ERR_TIMEOUT|no service is announced/]
  ]) {
    const url = await tells(t, answer)
    const { code: ended, stdout, stderr } = await run(t, ['ls', '--grape', url, '--timeout', '3000'])
    assert.match(stderr, pattern)
    if (!pattern.source.includes('TIMEOUT')) assert.strictEqual(ended, code, stderr)
    assert.strictEqual(stdout, '')
  }
})

test('what a grape names rules no terminal, and no table', async t => {
  const services = [{ name: EVIL, addresses: [[EVIL, 1]] }, { name: 'x'.repeat(1000), addresses: [['10.0.0.1:1', null]] }]
  const url = await tells(t, () => JSON.stringify({ pages: 1, services }))
  for (const options of [['--no-json'], ['--json']]) {
    for (const how of [{}, TERMINAL]) {
      const { code, ...output } = await run(t, ['ls', '--grape', url, ...options], how)
      assert.strictEqual(code, 0)
      mustBeClean(output)
      assert.ok(output.stdout.split('\n').length === 3 && output.stdout.length < 3000, output.stdout)
    }
  }
})
