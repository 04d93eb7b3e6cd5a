'use strict'

// Cases as files, to be played again.

const { createHash } = require('crypto')
const fs = require('fs')
const path = require('path')

const FOLDER = path.join(__dirname, '..', '..', 'fuzz', 'artifacts')

/** The same with bytes as hexadecimal digits. */
function plain (value) {
  if (Buffer.isBuffer(value)) return { hex: value.toString('hex') }
  if (Array.isArray(value)) return value.map(plain)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([key, value]) => [key, plain(value)]))
}

const decode = (key, value) => value && typeof value.hex === 'string' ? Buffer.from(value.hex, 'hex') : value

/** Writes cases, which were played concurrently or one after the other; returns the file's name. */
function save (cases, about) {
  fs.mkdirSync(FOLDER, { recursive: true })
  const name = `whole-${cases.map(({ id }) => id.replace(':', '-')).slice(0, 3).join('-')}-${about.seed}.json`
  const file = path.join(FOLDER, name)
  fs.writeFileSync(file, `${JSON.stringify(plain({ ...about, cases }))}\n`)
  return path.relative(process.cwd(), file)
}

function load (file) {
  return JSON.parse(fs.readFileSync(file, 'utf8'), decode)
}

/** A hash that identifies cases. */
function digestOf (cases) {
  return createHash('sha1').update(JSON.stringify(plain(cases))).digest('hex')
}

module.exports = { digestOf, load, save }
