'use strict'

// npm runs this when the package is installed: where no prebuilt addon fits, it builds one.

const fs = require('fs')
const path = require('path')
const advice = require('./advice')
const { build, problem } = require('./cargo')

/** Only a checkout has this file; there, who needs the addon builds it. */
const CHECKOUT = path.join(__dirname, 'build.js')

function install () {
  if (fs.existsSync(CHECKOUT) || loads()) return
  const wrong = problem()
  // The service may be installed here and run elsewhere, so this is no failure yet.
  if (wrong) return console.warn(advice(`none is prebuilt, and ${wrong}`))
  build()
  require('../lib/native')
}

function loads () {
  try {
    require('../lib/native')
    return true
  } catch (err) {
    return false
  }
}

install()
