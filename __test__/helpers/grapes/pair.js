'use strict'

// One fact about a grape, asked of two grapes of the original and of two of ours.

const { test } = require('node:test')
const original = require('grenache-grape')
const native = require('../../..')
const { limited } = require('../../../scripts/lib/child')
const { startGrapes } = require('../../../scripts/lib/grapes')
const { ask, post } = require('../../../scripts/lib/grape-api')
const { verify } = require('./signed')

const IMPLEMENTATIONS = [
  { name: 'original', Grape: original.Grape },
  { name: 'native', Grape: native.Grape }
]

/**
 * A fact about a pair of grapes that form a network.
 * @param {function(object)} body gets `{ ask, post, grapes, urls, dht, name, Grape, t }`; `ask` and
 *   `post` go to the first grape
 * @param {object} [opts] `better: true`: the original is worse, so only ours are asked; `conf` of
 *   both grapes
 */
function grapes (title, body, { better, conf } = {}) {
  for (const { name, Grape } of better ? IMPLEMENTATIONS.slice(1) : IMPLEMENTATIONS) {
    test(`${title} [${name}]`, async t => {
      const network = await startGrapes(false, { verify, ...conf }, Grape)
      t.after(() => network.stop())
      await limited(Promise.resolve(body({
        ...network,
        name,
        Grape,
        t,
        ask: (type, data) => ask(network.urls[0], type, data),
        post: (type, data) => post(network.urls[0], type, data)
      })), title)
    })
  }
}

/** A fact about the class itself. */
function classes (title, body, { better } = {}) {
  for (const { name, Grape } of better ? IMPLEMENTATIONS.slice(1) : IMPLEMENTATIONS) {
    test(`${title} [${name}]`, t => limited(Promise.resolve(body({ name, Grape, t })), title))
  }
}

/** Calls a method that takes a callback; resolves with `{ err, res }`. */
function call (object, method, ...args) {
  return new Promise(resolve => object[method](...args, (err, res) => resolve({ err, res })))
}

module.exports = { call, classes, grapes }
