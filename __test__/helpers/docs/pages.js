'use strict'

const fs = require('fs')
const path = require('path')

const ROOT = path.join(__dirname, '..', '..', '..')

/** The pages whose code blocks are programs, commands and configurations that users copy. */
const PAGES = ['README.md', ...fs.readdirSync(path.join(ROOT, 'docs')).filter(name => name.endsWith('.md')).map(name => `docs/${name}`)]

/** The code blocks of a page, in order, each with its language and the heading above it. */
function blocksOf (page) {
  const blocks = []
  let heading = ''
  let block = null
  for (const line of fs.readFileSync(path.join(ROOT, page), 'utf8').split('\n')) {
    if (block !== null) {
      if (line === '```') {
        blocks.push(block)
        block = null
      } else {
        block.text += `${line}\n`
      }
      continue
    }
    const title = line.match(/^#+ (.*)/)
    const fence = line.match(/^```(\w*)$/)
    if (title) heading = title[1]
    else if (fence) block = { page, heading, language: fence[1], text: '' }
  }
  return blocks
}

/** The headings of a page, in order. */
function headingsOf (page) {
  return fs.readFileSync(path.join(ROOT, page), 'utf8').split('\n').filter(line => /^#+ /.test(line)).map(line => line.replace(/^#+ /, ''))
}

/** The only block of a language below a heading of a page. */
function blockOf (page, heading, language) {
  const found = blocksOf(page).filter(block => block.heading === heading && block.language === language)
  if (found.length !== 1) throw new Error(`${page} has ${found.length} blocks of ${language} below '${heading}'`)
  return found[0].text
}

module.exports = { PAGES, ROOT, blockOf, blocksOf, headingsOf }
