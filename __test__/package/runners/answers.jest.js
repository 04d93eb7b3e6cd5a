'use strict'

/* global expect, test */

const makeService = require('./service')

test('a service answers, and stops', async () => {
  const service = makeService()
  expect(await service.ask('echo', 'x')).toBe('x')
  service.stop()
})
