'use strict'

// Requests to services.

const { WAIT, json } = require('./arguments')
const { MAX_READABLE } = require('../options/defaults')
const { printable } = require('../errors/printable')

module.exports = [
  {
    name: 'request',
    args: '<key> <json>',
    help: 'asks one server of a service, and prints its answer',
    options: { wait: WAIT },
    async run (session, key, payload) {
      const value = json(await session.text(payload))
      const { client } = await find(session, key)
      const answer = orNull(await session.answer(done => client.request(key, value, {}, done)))
      session.print({ answer }, () => readable(answer))
    }
  },
  {
    name: 'map',
    args: '<key> <json>',
    help: 'asks every server of a service, and prints their answers; one error fails all',
    options: { wait: WAIT },
    async run (session, key, payload) {
      const value = json(await session.text(payload))
      const { client, addresses } = await find(session, key)
      const answers = await session.answer(done => client.map(key, value, {}, done))
      addresses.forEach((address, at) => {
        const answer = orNull(answers[at])
        session.print({ address, answer }, () => `${address}: ${readable(answer)}`)
      })
    }
  }
]

/** A client, and the service's addresses: the client finds the same ones, since lookups are cached. */
async function find (session, key) {
  const link = session.link()
  const client = session.client(link)
  return { client, addresses: await session.find(link, key) }
}

const orNull = value => value === undefined ? null : value

/** In several lines for people, unless it nests so deep that most of them would be blanks. */
function readable (value) {
  const text = JSON.stringify(value)
  const { lengthOfLines } = require('../util/nesting')
  const isLong = lengthOfLines(text) > MAX_READABLE
  return printable(isLong ? text : JSON.stringify(value, null, 2), '\n')
}

module.exports.find = find
module.exports.readable = readable
