'use strict'

/* global expect, test */

test('the package loads', () => {
  expect(typeof require('grenache-nodejs-ws').PeerRPCClient).toBe('function')
})
