'use strict'

// A TCP proxy that does to the bytes what networks do.

const net = require('net')
const { once } = require('events')

class Proxy {
  /** Starts in front of `port`; ends with its test. */
  static async start (stage, port) {
    const proxy = new Proxy(port)
    proxy.server.listen(0, '127.0.0.1')
    await once(proxy.server, 'listening')
    proxy.dest = `127.0.0.1:${proxy.server.address().port}`
    stage.after(() => proxy.stop())
    return proxy
  }

  constructor (port) {
    this.port = port
    /** How many connections came. */
    this.count = 0
    this.pairs = new Set()
    /** What happens to bytes, see `pass` and below; `async`, in order. */
    this.treat = Proxy.pass
    this.server = net.createServer(client => this._connect(client))
  }

  /** Resets all connections. */
  reset () {
    for (const pair of this.pairs) for (const socket of pair) socket.resetAndDestroy()
  }

  stop () {
    this.server.close()
    for (const pair of this.pairs) for (const socket of pair) socket.destroy()
  }

  _connect (client) {
    this.count++
    const server = net.connect(this.port, '127.0.0.1')
    const pair = [client, server]
    this.pairs.add(pair)
    this._pipe(client, server, pair)
    this._pipe(server, client, pair)
  }

  async _pipe (from, to, pair) {
    from.setNoDelay(true)
    from.on('error', () => {})
    from.on('close', () => {
      this.pairs.delete(pair)
      to.destroy()
    })
    try {
      for await (const bytes of from) await this.treat(bytes, to, this)
      to.end()
    } catch (err) {
      to.destroy()
    }
  }
}

/** Writes as fast as the other side takes it. */
const write = async (to, bytes) => {
  if (!to.destroyed && !to.write(bytes)) await Promise.race([once(to, 'drain'), once(to, 'close')])
}

/** As they come. */
Proxy.pass = (bytes, to) => write(to, bytes)

/** Later, by so many ms for each piece. */
Proxy.delay = ms => async (bytes, to) => {
  await new Promise(resolve => setTimeout(resolve, ms))
  await write(to, bytes)
}

/** Each byte by itself. */
Proxy.split = async (bytes, to) => {
  for (const byte of bytes) {
    await write(to, Buffer.from([byte]))
    await new Promise(resolve => setImmediate(resolve))
  }
}

/** Resets all connections each time so many pieces have come. */
Proxy.resets = every => {
  let pieces = 0
  return async (bytes, to, proxy) => {
    // The half of what it resets is through.
    await write(to, bytes.subarray(0, ++pieces % every === 0 ? bytes.length >> 1 : undefined))
    if (pieces % every === 0) proxy.reset()
  }
}

/**
 * Holds up the first connection by which more than `most` bytes have come in one direction since then,
 * in that direction, behind these. `begun` resolves when it does, and `end()` lets all pass.
 */
Proxy.holds = most => {
  const passed = new Map()
  const hold = {}
  const ended = new Promise(resolve => { hold.end = resolve })
  let held
  hold.begun = new Promise(resolve => {
    hold.treat = async (bytes, to) => {
      const before = passed.get(to) || 0
      passed.set(to, before + bytes.length)
      const isOver = before + bytes.length > most && (held === undefined || held === to)
      if (!isOver) return write(to, bytes)
      held = to
      const rest = Math.max(0, most - before)
      await write(to, bytes.subarray(0, rest))
      resolve()
      await ended
      await write(to, bytes.subarray(rest))
    }
  })
  return hold
}

/** Never. */
Proxy.blackhole = async () => {}

module.exports = { Proxy }
