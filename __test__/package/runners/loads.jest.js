'use strict'

/* global expect, test */

const { PeerRPCClient } = require('grenache-nodejs-ws')

test('the package loads', () => {
  expect(typeof PeerRPCClient).toBe('function')
})
