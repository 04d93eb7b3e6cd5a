'use strict'

/* global afterEach, beforeEach, expect, jest, test */

const makeService = require('./service')

let service

beforeEach(() => { service = makeService() })

afterEach(() => {
  jest.useRealTimers()
  service.stop()
})

test('the original\'s name is this package', () => {
  expect(require('grenache-nodejs-ws')).toBe(require('grenache-nodejs-ws-native'))
  expect(require('grenache-nodejs-ws/lib/PeerRPCClient')).toBe(require('grenache-nodejs-ws').PeerRPCClient)
  expect(require('grenache-nodejs-link')).toBe(require('grenache-nodejs-ws').Link)
})

test('requests are answered', async () => {
  expect(await service.ask('echo', { a: 1 })).toEqual({ a: 1 })
})

test('they time out by the clock of a test', async () => {
  jest.useFakeTimers()
  const answer = service.ask('slow', 1, { timeout: 60000 }).catch(err => err.message)
  expect(await service.ask('echo', 1)).toBe(1)
  jest.advanceTimersByTime(61000)
  expect(await answer).toBe('ERR_TIMEOUT')
  // The service's own timer.
  jest.advanceTimersByTime(61000)
})
