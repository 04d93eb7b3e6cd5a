'use strict'

// What to do when there is no addon.

const path = require('path')
const { name } = require('../package.json')
const { NEEDED } = require('./cargo')

/** @param {string} why why there is none */
const advice = why => `${name} has no native addon for this machine (${process.platform} ${process.arch}): ${why}.
To build it, which takes a minute or two, get Rust ${NEEDED} or newer from https://rustup.rs or your system's packages, then run in the service's folder:

    npx grenache-build

or, in ${path.join(__dirname, '..')}:

    npm run build:native
`

module.exports = advice
