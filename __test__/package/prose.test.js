'use strict'

// scripts/prose.js finds the sentences of a page that begin with a riddle.

const { test } = require('node:test')
const assert = require('node:assert')
const { riddles } = require('../../scripts/prose')

const linesOf = text => riddles(text).map(([line]) => line)

test('a sentence that begins with a riddle is found in paragraphs, lists, cells and facts', () => {
  for (const sentence of [
    'What is sent leaves.',
    'It closes. (Who asks is told.)',
    '- whoever asks',
    '- **C1** Those of `get` do.',
    '**Bold.** One that is slow waits.',
    '| `a` | what `stop` does |',
    'Such are refused.'
  ]) assert.deepStrictEqual(linesOf(`# Title\n\n${sentence}`), [3], sentence)
})

test('headings, heads of tables, questions, code and released changes are left alone', () => {
  assert.deepStrictEqual(riddles([
    '## What is not promised',
    '| what happens | Who |',
    '|---|---|',
    '| Such a node | it closes |',
    'What is it? The side that',
    'who asks.',
    '```',
    'What is code',
    '```',
    '## 1.0.0 - 2026-11-24',
    '- What was said'
  ].join('\n')), [])
})
