'use strict'

// A grape that is attacked: hostile-grape.js '<conf as JSON>'. Says where it is once it listens.

const { Grape } = require('../../..')

const grape = new Grape({ dht_port: 0, api_port: 0, ...JSON.parse(process.argv[2]) })
grape.start(err => {
  if (err) throw err
  process.send({ event: 'listening', value: grape.address() })
})
process.on('disconnect', () => process.exit())
