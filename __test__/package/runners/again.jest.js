'use strict'

/* global expect, jest, test */

test('a dozen loads warn of nothing', async () => {
  const warnings = []
  process.on('warning', warning => warnings.push(warning))
  for (let at = 0; at < 12; at++) {
    jest.resetModules()
    require('grenache-nodejs-ws')
  }
  await new Promise(resolve => setImmediate(resolve))
  expect(warnings).toEqual([])
})
