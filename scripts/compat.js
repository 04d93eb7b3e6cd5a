'use strict'

// Compares the facts of docs/COMPAT.md with the tests that name them.
//
//   node scripts/compat.js                what is covered, and which facts no test names
//   node scripts/compat.js --write-open   writes what is uncovered into the page's Open line

const fs = require('fs')
const path = require('path')

const root = path.join(__dirname, '..')
const PAGE = path.join(root, 'docs', 'COMPAT.md')
const TESTS = path.join(root, '__test__')

const FACT = /^- \*\*(C\d+)\*\* (.*)$/
const OPEN_HEADING = '## Open'
const OPEN = /^Open:(.*)$/
/** A call of test, it or check with the title as its first argument; group 1: `.skip` and such. */
const TITLED = /\b(?:test|it|check|pair|each)((?:\.\w+)*)\(\s*(?:'([^'\n]*)'|"([^"\n]*)"|`([^`]*)`)/g
const NUMBERED = /^((?:C\d+ )*C\d+): /
/** Tests that do not run cover nothing. */
const NOT_RUN = /\.(?:skip|todo)\b/

/** The page: its facts by number, the numbers of its Open line, and what is wrong with it. */
function readPage (text) {
  const page = { facts: new Map(), open: [], errors: [] }
  let inOpen = false
  let openLines = 0
  for (const line of text.split('\n')) {
    if (line.startsWith('## ')) inOpen = line === OPEN_HEADING
    const fact = FACT.exec(line)
    if (fact !== null) {
      const [, number, what] = fact
      if (page.facts.has(number)) page.errors.push(`${number} is defined twice`)
      page.facts.set(number, what)
    } else if (inOpen && OPEN.test(line)) {
      openLines++
      page.open.push(...OPEN.exec(line)[1].split(' ').filter(Boolean))
    }
  }
  if (openLines !== 1) page.errors.push(`one line "Open: ..." is needed at the end of ${PAGE}`)
  return page
}

function testFiles (folder) {
  if (!fs.existsSync(folder)) return []
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const full = path.join(folder, entry.name)
    if (entry.isDirectory()) return testFiles(full)
    return entry.name.endsWith('.js') ? [full] : []
  })
}

/** Test titles of a source that begin with a fact's number, comment lines left out. */
function numberedTitles (source) {
  const code = source.replace(/^\s*(?:\/\/|\*|\/\*).*$/gm, '')
  return [...code.matchAll(TITLED)]
    .map(([, modifiers, ...texts]) => ({
      title: texts.find(text => text !== undefined),
      runs: !NOT_RUN.test(modifiers)
    }))
    .filter(({ title }) => /^C\d/.test(title))
}

/** The numbers that tests cover, and what is wrong with their titles. */
function readTests (files, facts) {
  const covered = new Set()
  const errors = []
  for (const file of files) {
    const name = path.relative(root, file)
    for (const { title, runs } of numberedTitles(fs.readFileSync(file, 'utf8'))) {
      const numbered = NUMBERED.exec(title)
      if (numbered === null) {
        errors.push(`${name}: write the numbers like "C12 C13: ..." in "${title}"`)
        continue
      }
      for (const number of numbered[1].split(' ')) {
        if (!facts.has(number)) errors.push(`${name}: ${number} does not exist`)
        else if (runs) covered.add(number)
      }
    }
  }
  return { covered, errors }
}

function writeOpen (text, uncovered) {
  const [facts, rest] = text.split(`\n${OPEN_HEADING}\n`)
  const line = ['Open:', ...uncovered].join(' ')
  fs.writeFileSync(PAGE, `${facts}\n${OPEN_HEADING}\n${rest.replace(new RegExp(OPEN, 'm'), line)}`)
}

function main (args) {
  const text = fs.readFileSync(PAGE, 'utf8')
  const { facts, open, errors } = readPage(text)
  const tests = readTests(testFiles(TESTS), facts)
  errors.push(...tests.errors)
  const uncovered = [...facts.keys()].filter(number => !tests.covered.has(number))

  console.log(`${facts.size} facts, ${tests.covered.size} covered, ${uncovered.length} without a test`)
  for (const number of uncovered) console.log(`${number} ${facts.get(number)}`)

  if (args.includes('--write-open')) {
    if (errors.length === 0) writeOpen(text, uncovered)
  } else {
    for (const number of uncovered) {
      if (!open.includes(number)) errors.push(`${number} has no test and is not in Open`)
    }
    for (const number of open) {
      if (!facts.has(number)) errors.push(`Open names ${number}, which does not exist`)
      if (tests.covered.has(number)) errors.push(`${number} has a test: take it out of Open`)
    }
  }
  for (const error of errors) console.error(`error: ${error}`)
  return errors.length === 0 ? 0 : 1
}

process.exitCode = main(process.argv.slice(2))
