'use strict'

const fs = require('fs')
const path = require('path')
const { chart } = require('./chart')
const { markdown } = require('./markdown')

/** Writes RESULTS.md and charts/ into `folder`. */
function writeReport (results, folder, { print }) {
  const charts = path.join(folder, 'charts')
  fs.mkdirSync(charts, { recursive: true })
  for (const group of results.groups) fs.writeFileSync(path.join(charts, `${group.name}.svg`), chart(group))
  const page = markdown(results)
  fs.writeFileSync(path.join(folder, 'RESULTS.md'), page)
  if (print) console.log(page)
  else console.log(`written: ${path.join(folder, 'RESULTS.md')}`)
}

module.exports = { writeReport }
