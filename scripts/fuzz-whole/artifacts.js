'use strict'

// Cases as files, to be played again.

const fs = require('fs')
const path = require('path')

const FOLDER = path.join(__dirname, '..', '..', 'fuzz', 'artifacts')

const encode = (key, value) => value && value.type === 'Buffer' ? { hex: Buffer.from(value.data).toString('hex') } : value
const decode = (key, value) => value && typeof value.hex === 'string' ? Buffer.from(value.hex, 'hex') : value

/** Writes cases, which were played at once or one after the other; returns the file's name. */
function save (cases, about) {
  fs.mkdirSync(FOLDER, { recursive: true })
  const name = `whole-${cases.map(({ id }) => id.replace(':', '-')).slice(0, 3).join('-')}-${about.seed}.json`
  const file = path.join(FOLDER, name)
  fs.writeFileSync(file, `${JSON.stringify({ ...about, cases }, encode)}\n`)
  return path.relative(process.cwd(), file)
}

function load (file) {
  return JSON.parse(fs.readFileSync(file, 'utf8'), decode)
}

module.exports = { load, save }
