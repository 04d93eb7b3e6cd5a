#!/usr/bin/env node
'use strict'

// Builds the addon where no prebuilt one exists, for every copy of this package and version that the service has.

const { name, version } = require('../package.json')
const { buildAdvice } = require('../install/advice')
const { build, problem } = require('../install/cargo')
const { copies } = require('../install/copies')

const wrong = problem()
const { same, others, isUsed } = copies(process.cwd())
if (!isUsed) {
  console.error(`${name} is not installed in ${process.cwd()}: run this in the folder of a service that has it`)
  process.exitCode = 1
} else if (wrong) {
  console.error(`${wrong}.\n\n${buildAdvice()}`)
  process.exitCode = 1
} else {
  for (const file of build(same)) console.log(`built ${file}`)
  for (const { folder, version: other } of others) {
    console.error(`${folder} has version ${other}, and this is ${version}: build its own with\n    npx -p ${name}@${other} grenache-build`)
  }
}
