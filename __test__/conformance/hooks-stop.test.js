'use strict'

// What a client transport of a subclass is called with when it stops.

const assert = require('node:assert')
const { pair } = require('../helpers/conformance')

/** A server that never answers and a transport with `requests` under way, of the class that `extend` makes. */
async function asking (stage, server, client, extend, requests = 2) {
  const arrived = []
  let all
  const done = new Promise(resolve => { all = resolve })
  const service = await stage.serve(server, (rid, key) => arrived.push(key) === requests && all())
  const peer = stage.client(client, service.dest, { maxActiveDestTransports: 1 }, extend && extend(client.TransportRPCClient))
  const answers = []
  for (let at = 0; at < requests; at++) peer.request(`key ${at}`, at, { timeout: 10000 }, err => answers.push(err.message))
  await done
  const [transport] = peer.tpool.list(service.dest)
  return { peer, transport, answers }
}

const later = () => new Promise(resolve => setTimeout(resolve, 20))

pair('C369: stop() hands each request to handleReply of a subclass once, with ERR_TIMEOUT', async ({ server, client, stage }) => {
  const seen = []
  const { peer, answers } = await asking(stage, server, client, Transport => class extends Transport {
    handleReply (rid, err, data) {
      const { key } = this.getRequest(rid)
      seen.push([key, err.message, data])
      super.handleReply(rid, err, data)
    }
  })
  peer.stop()
  assert.deepStrictEqual(answers, ['ERR_TIMEOUT', 'ERR_TIMEOUT'])
  await later()
  assert.deepStrictEqual(seen, [['key 0', 'ERR_TIMEOUT', undefined], ['key 1', 'ERR_TIMEOUT', undefined]])
  assert.strictEqual(answers.length, 2)
})

const WITH = {
  'the hooks of a subclass': Transport => class extends Transport {
    handleReply (...args) {
      super.handleReply(...args)
    }
  },
  'no hooks': Transport => Transport
}
for (const [what, extend] of Object.entries(WITH)) {
  pair(`C369: who is called back by stop(), with ${what}, finds the transport inactive and still connected`, async ({ server, client, stage }) => {
    const { peer, transport } = await asking(stage, server, client, extend, 1)
    const seen = []
    const tell = () => seen.push([transport.isActive(), transport.isConnected(), transport.socket !== null])
    transport.request('key', 1, { timeout: 10000 }, tell)
    await later()
    peer.stop()
    assert.deepStrictEqual(seen, [[false, true, true]])
    assert.deepStrictEqual([transport.isConnected(), transport.socket], [false, null])
  })
}

pair('C369: disconnect of a subclass is called by stop() when all requests are called back', async ({ server, client, stage }) => {
  let seen = null
  let told = null
  const { peer, transport, answers } = await asking(stage, server, client, Transport => class extends Transport {
    disconnect () {
      if (seen !== null) seen.push([this._reqs.size, told.length])
      super.disconnect()
    }
  })
  told = answers
  seen = []
  peer.stop()
  assert.deepStrictEqual(seen, [[0, 2]])
  assert.strictEqual(transport._reqs.size, 0)
})

pair('C369: a callback that throws when its transport stops costs the others nothing', async ({ server, client, stage, t }) => {
  const { peer, transport } = await asking(stage, server, client, Transport => class extends Transport {
    handleReply (...args) {
      super.handleReply(...args)
    }
  }, 1)
  const seen = []
  transport.request('key', 1, { timeout: 10000 }, () => { throw new Error('of a service') })
  transport.request('key', 2, { timeout: 10000 }, err => seen.push(err.message))
  await later()
  assert.throws(() => peer.stop(), /of a service/)
  await later()
  assert.deepStrictEqual(seen, ['ERR_TIMEOUT'])
  assert.strictEqual(transport.socket, null)
}, { better: 'client' })
