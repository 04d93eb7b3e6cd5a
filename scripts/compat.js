'use strict'

// Every fact of docs/COMPAT.md needs a test that names it: a title that begins with the fact's
// numbers, like `C12 C13: ...`.

const fs = require('fs')
const path = require('path')

const root = path.join(__dirname, '..')
const PAGE = path.join(root, 'docs', 'COMPAT.md')
const TESTS = path.join(root, '__test__')

const FACT = /^- \*\*(C\d+)\*\* (.*)$/
/**
 * A text in the source that begins with numbers: a title itself, or an entry in a table of titles.
 */
const TITLE = /['"`](C\d[^'"`\n]*)/g
const NUMBERED = /^((?:C\d+ )*C\d+): /
const NOT_RUN = /\b(?:test|it|describe|t)\.(?:skip|todo|only)\b|\b(?:skip|todo|only): true/

const errors = []

const facts = new Map()
for (const line of fs.readFileSync(PAGE, 'utf8').split('\n')) {
  const fact = FACT.exec(line)
  if (fact === null) continue
  if (facts.has(fact[1])) errors.push(`${fact[1]} is defined twice`)
  facts.set(fact[1], fact[2])
}

function testFiles (folder) {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const full = path.join(folder, entry.name)
    if (entry.isDirectory()) return testFiles(full)
    return entry.name.endsWith('.test.js') ? [full] : []
  })
}

const covered = new Set()
for (const file of testFiles(TESTS)) {
  const name = path.relative(root, file)
  const code = fs.readFileSync(file, 'utf8').replace(/^\s*(?:\/\/|\*|\/\*).*$/gm, '')
  if (NOT_RUN.test(code)) errors.push(`${name}: no test may be skipped or left for later`)
  for (const [, title] of code.matchAll(TITLE)) {
    const numbered = NUMBERED.exec(title)
    if (numbered === null) {
      errors.push(`${name}: write the numbers like "C12 C13: ..." in "${title}"`)
      continue
    }
    for (const number of numbered[1].split(' ')) {
      if (facts.has(number)) covered.add(number)
      else errors.push(`${name}: ${number} does not exist`)
    }
  }
}

const uncovered = [...facts.keys()].filter(number => !covered.has(number))
console.log(`${facts.size} facts, ${covered.size} covered, ${uncovered.length} without a test`)
for (const number of uncovered) errors.push(`${number} has no test: ${facts.get(number)}`)
for (const error of errors) console.error(`error: ${error}`)
process.exitCode = errors.length === 0 ? 0 : 1
