'use strict'

// For services' tests: `require('grenache-nodejs-ws-native/testing')`.

const { TEST_GRAPES } = require('../options/defaults')
const { badValue } = require('../errors/errors')
const Grape = require('../Grape')
const { promiseOf, within } = require('../util/promises')

/** Grapes listen where other machines cannot reach them. */
const HOST = '127.0.0.1'

/**
 * Starts grapes on free ports of the loopback interface. Resolves when each knows all others, with `{ grapes, urls,
 * url, stop }`: `urls` are for `new Link({ grape })`, `url` is the first of them.
 * @param {number} [count] 2
 * @param {object} [conf] of all grapes, such as `dht_peer_maxAge`
 */
async function testGrapes (count = TEST_GRAPES.count, conf) {
  if (!(Number.isInteger(count) && count > 0)) throw badValue('count', count, 'a positive integer')
  const grapes = []
  const stop = async () => {
    await Promise.all(grapes.map(grape => new Promise(resolve => grape.stop(resolve))))
  }
  try {
    const acquainted = []
    for (let at = 0; at < count; at++) {
      const grape = new Grape({
        host: HOST,
        ...conf,
        dht_port: 0,
        api_port: 0,
        dht_bootstrap: grapes.map(other => other.address().dht)
      })
      await promiseOf(cb => grape.start(cb))
      grapes.push(grape)
      acquainted.push(knows(grape, count - 1))
    }
    await within(TEST_GRAPES.timeout, Promise.all(acquainted))
  } catch (err) {
    await stop()
    throw err
  }
  const urls = grapes.map(grape => `http://${grape.address().api}`)
  const network = { grapes, urls, url: urls[0], stop }
  if (Symbol.asyncDispose) Object.defineProperty(network, Symbol.asyncDispose, { value: stop })
  return network
}

/** Resolves once a grape knows `count` others. */
function knows (grape, count) {
  return new Promise(resolve => {
    if (count === 0) return resolve()
    const look = () => {
      if (--count > 0) return
      grape.removeListener('node', look)
      resolve()
    }
    grape.on('node', look)
  })
}

module.exports = { testGrapes }
