'use strict'

// Subcommands for the contents of the grapes: services and values.

const { WAIT, servicePort } = require('./arguments')
const { readable } = require('./calls')
const { explain, nothingFound, oddAnswer } = require('./failure')

// To a link, a text with HTTP status 200 is no error; a grape may send one instead of a hash.
const HASH = /^[0-9a-f]{40}$/

module.exports = [
  {
    name: 'lookup',
    args: '<key>',
    help: 'finds the addresses of a service',
    options: { wait: WAIT },
    async run (session, key) {
      for (const address of await session.find(session.link(), key)) {
        session.print({ address }, address)
      }
    }
  },
  {
    name: 'announce',
    args: '<key> <port>',
    help: 'announces a service of the grape\'s machine, or of --host, at the port',
    details: ['A grape forgets it after some minutes, unless it is kept.'],
    options: {
      keep: { help: 'announce again and again, until Ctrl-C takes it back' },
      host: { value: 'address', help: 'the service\'s address, if it is not that of the grape\'s machine' }
    },
    async run (session, key, text) {
      const number = servicePort(text)
      const { keep, host } = session.options
      const link = session.link({ lasting: keep })
      await announce(session, link, key, number, keep, host)
      session.print({ announced: key, port: number }, `${key} is announced at port ${number}`)
      if (!keep) return
      await session.untilSignal()
      await takeBack(session, link, key, number, host)
    }
  },
  {
    name: 'put',
    args: '<value>',
    help: 'stores a text in the DHT, and prints its hash',
    async run (session, value) {
      const hash = await session.ask(session.link(), 'put', { v: await session.text(value) })
      if (typeof hash !== 'string' || !HASH.test(hash)) throw oddAnswer(hash)
      session.print({ hash }, hash)
    }
  },
  {
    name: 'get',
    args: '<hash>',
    help: 'prints the value with this hash',
    async run (session, hash) {
      const found = await session.ask(session.link(), 'get', hash)
      if (found === null || found === undefined || found === '') throw nothingFound(`${hash}: no such value`)
      if (typeof found !== 'object' || found.v === undefined) throw oddAnswer(found)
      session.print({ hash, value: found.v }, () => typeof found.v === 'string' ? found.v : readable(found.v))
    }
  }
]

/** Announces once, or with `keep` periodically; a later failure is noted, once until it works again. */
async function announce (session, link, key, port, keep, host) {
  let isTold = true
  link.on('announce-error', err => {
    if (!isTold) session.note(`${key} is not announced any more: ${explain(err)}`)
    isTold = true
  })
  const nodes = await session.ask(link, 'announce', key, port, { host })
  // Grapes return the number of nodes that stored it, or nothing.
  if (typeof nodes !== 'number' && nodes !== null && nodes !== undefined) throw oddAnswer(nodes)
  if (keep) await session.ask(link, 'startAnnouncing', key, port, { host })
  isTold = false
  link.on('announced', () => {
    if (isTold) session.note(`${key} is announced again`)
    isTold = false
  })
}

/** A service that has stopped should not be found. Grapes of the original let it expire. */
async function takeBack (session, link, key, port, host) {
  link.stopAnnouncing(key, port)
  await session.ask(link, 'request', 'unannounce', host === undefined ? [key, port] : { key, port, host }, {}).catch(() => {})
}

module.exports.announce = announce
module.exports.takeBack = takeBack
