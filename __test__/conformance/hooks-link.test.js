'use strict'

// Links whose methods are replaced by a subclass: what they are called with, and with what not.

const assert = require('node:assert')
const { call, each } = require('../helpers/conformance')

const BETTER = { better: true }

/** Starts a link of the class that `extend` makes. */
function start (stage, { Link }, extend, conf) {
  const link = new (extend(Link))({ grape: 'http://127.0.0.1:1', ...conf })
  link.start()
  stage.after(() => link.stop())
  return link
}

/** A link with a carrier of its own, which knows what the original asks. */
function carrying (calls, known) {
  return Link => class extends Link {
    request (type, payload, opts, cb) {
      calls.push(type)
      if (known[type] === undefined) throw new Error(`unknown type ${type}`)
      setImmediate(cb, null, known[type])
    }
  }
}

const KNOWN = { lookup: ['127.0.0.1:1'], announce: 1 }

const announced = (link, ...args) => new Promise((resolve, reject) => {
  const started = link.startAnnouncing(...args, err => err ? reject(err) : resolve(started))
})

each('C345: request of a subclass gets an object of options, also where nobody gave any', async ({ implementation, stage }) => {
  const seen = []
  const link = start(stage, implementation, Link => class extends Link {
    request (type, payload, opts, cb) {
      opts.timeout = opts.timeout || 900
      seen.push([type, opts])
      setImmediate(cb, null, type === 'lookup' ? ['127.0.0.1:1'] : 1)
    }
  })
  await call(link, 'get', 'hash')
  await call(link, 'put', { v: 'x' })
  await call(link, 'lookup', 'key')
  await call(link, 'announce', 'key', 1)
  await announced(link, 'key', 2)
  assert.deepStrictEqual(seen, [
    ['get', { timeout: 900 }], ['put', { timeout: 900 }],
    ...['lookup', 'announce', 'announce'].map(type => [type, { retry: 3, timeout: 900 }])
  ])
})

each('C345: announce of a subclass gets the options of startAnnouncing, or an object without any', async ({ implementation, stage }) => {
  const seen = []
  const link = start(stage, implementation, Link => class extends Link {
    announce (key, port, opts, cb) {
      seen.push(opts)
      setImmediate(cb, null, opts.interval || 'usual')
    }
  })
  const opts = { interval: 5000 }
  await announced(link, 'key', 1)
  await announced(link, 'key', 2, opts)
  assert.deepStrictEqual(seen, [{}, { interval: 5000 }])
  assert.strictEqual(seen[1], opts)
})

for (const hook of ['request', '_post']) {
  each(`C346: ${hook} of a subclass hears of nothing that the original does not ask`, async ({ implementation, stage }) => {
    const calls = []
    const link = start(stage, implementation, hook === 'request'
      ? carrying(calls, KNOWN)
      : Link => class extends Link {
        async _post (url, data, opts, cb) {
          const type = url.split('/').pop()
          calls.push(type)
          if (KNOWN[type] === undefined) throw new Error(`unknown type ${type}`)
          setImmediate(cb, null, KNOWN[type])
        }
      })
    await announced(link, 'key', 1, {})
    assert.strictEqual(link.stopAnnouncing('key', 1), undefined)
    await announced(link, 'key', 1, {})
    link.stopAnnouncing('key', 1)
    await new Promise(resolve => setTimeout(resolve, 20))
    assert.deepStrictEqual(calls, ['announce', 'announce'])
  })
}

each('C346: the same of a method that is put on the link itself, and its end is told at once', async ({ implementation, stage }) => {
  const link = start(stage, implementation, Link => Link)
  const calls = []
  link._post = (url, data, opts, cb) => {
    calls.push(url.split('/').pop())
    setImmediate(cb, null, 1)
  }
  await announced(link, 'key', 1, {})
  assert.strictEqual(await link.promises.stopAnnouncing('key', 1), true)
  assert.deepStrictEqual(calls, ['announce'])
}, BETTER)

const ENDS = {
  'that throws': () => { throw new Error('unknown type') },
  'that rejects': async () => { throw new Error('unknown type') },
  'that never calls back': () => {},
  'that fails': (url, cb) => setImmediate(cb, new Error('down'))
}
for (const hook of ['request', '_post']) {
  for (const [what, end] of Object.entries(ENDS)) {
    each(`C347: with unannounce: true a ${hook} is asked to take it back, and one ${what} hinders nobody from announcing again`, async ({ implementation, stage }) => {
      const calls = []
      const link = start(stage, implementation, Link => Link, { unannounce: true, requestTimeout: 60 })
      link[hook] = (what, data, opts, cb) => {
        const type = what.split('/').pop()
        calls.push(type)
        if (type !== 'announce') return end(what, cb)
        setImmediate(cb, null, 1)
      }
      for (let round = 0; round < 2; round++) {
        await announced(link, 'key', 1, {})
        assert.strictEqual(link.stopAnnouncing('key', 1), undefined)
      }
      await announced(link, 'key', 1, {})
      assert.deepStrictEqual(calls, ['announce', 'unannounce', 'announce', 'unannounce', 'announce'])
    }, BETTER)
  }
}

each('C345: announce of a subclass is called once for each call, also while the grapes are told of an end', async ({ implementation, stage }) => {
  let calls = 0
  let end
  const link = start(stage, implementation, Link => class extends Link {
    announce (...args) {
      calls++
      super.announce(...args)
    }

    request (type, payload, opts, cb) {
      if (type === 'unannounce') end = cb
      else setImmediate(cb, null, 1)
    }
  }, { unannounce: true, requestTimeout: 5000 })
  await announced(link, 'key', 1, {})
  link.stopAnnouncing('key', 1)
  const again = call(link, 'announce', 'key', 1, {})
  end(null, 1)
  assert.deepStrictEqual([await again, calls], [{ err: null, res: 1 }, 2])
}, BETTER)

each('C345: putMutable and getMutable ask put and get of a subclass as the original has them', async ({ implementation, stage }) => {
  const calls = []
  const link = start(stage, implementation, Link => class extends Link {
    put (value, cb) {
      calls.push('put')
      setImmediate(cb, null, 'hash')
    }

    get (hash, cb) {
      calls.push('get')
      setImmediate(cb, null, null)
    }
  })
  const { privateKey } = require('crypto').generateKeyPairSync('ed25519')
  assert.deepStrictEqual(await call(link, 'putMutable', { v: 'x', privateKey }), { err: null, res: 'hash' })
  assert.deepStrictEqual(calls, ['get', 'put'])
}, BETTER)
