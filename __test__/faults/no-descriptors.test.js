'use strict'

// The very first connection is asked for while the process has no descriptor left.

const { test } = require('node:test')
const assert = require('node:assert')
const { execFile } = require('node:child_process')
const path = require('node:path')
const { promisify } = require('node:util')

test('a first request without descriptors hears why, and a later one may work', async () => {
  const script = `
    const fs = require('fs')
    const { PeerRPCClient, Link } = require(${JSON.stringify(path.join(__dirname, '..', '..'))})
    const peer = new PeerRPCClient({ lookup: (key, opts, cb) => cb(null, ['127.0.0.1:1']) }, {})
    peer.init()
    const link = new Link({ grape: 'http://127.0.0.1:1' }).start()
    const held = []
    try { for (;;) held.push(fs.openSync('/dev/null')) } catch (err) {}
    peer.request('k', 1, {}, first => {
      link.lookup('k', { retry: 1 }, looked => {
        for (const fd of held) fs.closeSync(fd)
        peer.request('k', 1, {}, second => {
          process.stdout.write([first.code, looked.code, second.code].join(' '))
          peer.stop()
          link.stop()
        })
      })
    })
  `
  const { stdout } = await promisify(execFile)('sh', ['-c', 'ulimit -n 64; exec "$0" -e "$1"', process.execPath, script], {
    timeout: 20000,
    killSignal: 'SIGKILL'
  })
  assert.strictEqual(stdout, 'EMFILE EMFILE ECONNREFUSED')
})
