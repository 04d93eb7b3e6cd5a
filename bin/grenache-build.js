#!/usr/bin/env node
'use strict'

const advice = require('../scripts/advice')
const { build, problem } = require('../scripts/cargo')

const wrong = problem()
if (wrong) {
  console.error(advice(wrong))
  process.exitCode = 1
} else {
  console.log(`built ${build()}`)
}
