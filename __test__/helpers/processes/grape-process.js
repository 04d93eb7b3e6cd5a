'use strict'

// A grape process: grape-process.js <implementation> <conf as JSON>. Says `{ ready: true }` once it
// has looked around in its network.

const { verify } = require('../grapes/signed')
const [implementation, conf] = process.argv.slice(2)
const { Grape } = implementation === 'original' ? require('grenache-grape') : require('../../..')

const grape = new Grape({ verify, ...JSON.parse(conf) })
grape.once('ready', () => process.send({ ready: true }))
grape.start(err => err && process.send({ error: err.message }))
process.on('disconnect', () => process.exit())
