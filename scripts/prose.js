'use strict'

// Part of the lint checks: sentences of the pages name their subject first. One that begins with
// "What", "Who" or "Those" makes the reader guess it. Headings, questions and code are left alone.
//
//   node scripts/prose.js [page ...]     all pages, unless some are named

const fs = require('fs')
const path = require('path')

const ROOT = path.join(__dirname, '..')
const PAGES = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'link/README.md',
  ...fs.readdirSync(path.join(ROOT, 'docs')).filter(name => name.endsWith('.md')).map(name => `docs/${name}`)]

/** "Such a node" has its noun; "Such are" has none. */
const RIDDLE = /^(what|who|whom|whose|whoever|whatever|those|one that|such (?:as|are|is|has|have|was|were|may|can|must))\b/i
const UNDERLINE = /^\|[\s:|-]+$/

/** Cells and list items begin a sentence, in capitals or not; in a paragraph only capitals do. */
function sentencesOf (line) {
  const isRow = line.startsWith('|')
  const parts = isRow ? line.split('|') : [line.replace(/^\s*(?:[-*>]|\d+\.)\s+(?:\*\*C\d+\*\* )?/, '')]
  const isItem = isRow || parts[0] !== line
  return parts.flatMap(part => {
    const sentences = part.trim().split(/(?<=[.!?][)*"']*)\s+(?=[*_("'[]*[A-Z])/)
    return sentences.filter((sentence, at) => (at === 0 && isItem) || /^\W*[A-Z]/.test(sentence))
  })
}

/** `[line number, sentence]` of each riddle in a page; what was released stays as it was said. */
function riddles (text) {
  const lines = text.replace(/\n## \d+\.\d+\.\d+ [^]*/, '').split('\n')
  let isCode = false
  return lines.flatMap((line, at) => {
    if (line.startsWith('```')) isCode = !isCode
    const isHead = line.startsWith('#') || UNDERLINE.test(lines[at + 1] || '')
    if (isCode || isHead) return []
    const bad = sentence => RIDDLE.test(sentence.replace(/^[*_("'[]+/, '')) && !/\?\W*$/.test(sentence)
    return sentencesOf(line).filter(bad).map(sentence => [at + 1, sentence])
  })
}

if (require.main === module) {
  const named = process.argv.slice(2)
  for (const page of named.length > 0 ? named : PAGES) {
    for (const [line, sentence] of riddles(fs.readFileSync(path.resolve(ROOT, page), 'utf8'))) {
      console.error(`${page}:${line}: name the subject first: ${sentence.slice(0, 80)}`)
      process.exitCode = 1
    }
  }
}

module.exports = { riddles }
