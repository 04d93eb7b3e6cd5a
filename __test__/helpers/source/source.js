'use strict'

// What the source says, by its syntax tree: which options it reads, events it emits, texts its
// errors have, and members its types declare.

const fs = require('fs')
const path = require('path')
const ts = require('typescript')

const ROOT = path.join(__dirname, '..', '..', '..')

function parse (file) {
  const text = fs.readFileSync(file, 'utf8')
  return ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true, /\.ts$/.test(file) ? ts.ScriptKind.TS : ts.ScriptKind.JS)
}

/** The modules in a folder and its rooms, as syntax trees by name. Names are unique, except in `cli`. */
function modules (folder, isOf = () => true) {
  const files = fs.readdirSync(path.join(ROOT, folder), { recursive: true }).filter(name => name.endsWith('.js') && isOf(name))
  const found = new Map(files.map(name => [path.basename(name, '.js'), parse(path.join(ROOT, folder, name))]))
  if (found.size < files.length) throw new Error(`two modules of ${folder} have the same name`)
  return found
}

function walk (node, visit) {
  visit(node)
  ts.forEachChild(node, child => walk(child, visit))
}

/** `name` of `name` and of `anything.name`. */
function lastName (node) {
  if (ts.isIdentifier(node)) return node.text
  if (ts.isPropertyAccessExpression(node)) return node.name.text
  return undefined
}

/**
 * The properties that are read of objects called one of `names`: `{ read, dynamic }`, where
 * `dynamic` has the source of reads whose property only a run can tell.
 */
function reads (tree, names) {
  const read = new Set()
  const dynamic = []
  const isOne = node => names.includes(lastName(node)) ||
    (ts.isBinaryExpression(node) && isOne(node.left)) ||
    (ts.isObjectLiteralExpression(node) && node.properties.some(part => ts.isSpreadAssignment(part) && isOne(part.expression)))
  walk(tree, node => {
    if (ts.isPropertyAccessExpression(node) && isOne(node.expression)) read.add(node.name.text)
    if (ts.isElementAccessExpression(node) && isOne(node.expression)) {
      if (ts.isStringLiteral(node.argumentExpression)) read.add(node.argumentExpression.text)
      else dynamic.push(node.getText())
    }
    if (ts.isVariableDeclaration(node) && ts.isObjectBindingPattern(node.name) && node.initializer && isOne(node.initializer)) {
      for (const element of node.name.elements) {
        if (!element.dotDotDotToken) read.add((element.propertyName || element.name).text)
      }
    }
  })
  return { read, dynamic }
}

/** The first arguments of calls to something called `name`: `{ texts, dynamic }`. */
function calls (tree, name) {
  const texts = new Set()
  const dynamic = []
  walk(tree, node => {
    if (!ts.isCallExpression(node) || lastName(node.expression) !== name) return
    const [first] = node.arguments
    if (first && ts.isStringLiteralLike(first)) texts.add(first.text)
    else dynamic.push(node.getText().split('\n')[0])
  })
  return { texts, dynamic }
}

/** A text with `<>` for each part that differs; undefined for what is no text. */
function pattern (node) {
  if (ts.isStringLiteralLike(node)) return node.text
  if (ts.isTemplateExpression(node)) return node.head.text + node.templateSpans.map(span => `<>${span.literal.text}`).join('')
  if (ts.isBinaryExpression(node)) {
    const [left, right] = [pattern(node.left), pattern(node.right)]
    return left === undefined || right === undefined ? undefined : left + right
  }
  return undefined
}

/** The texts of the errors that are made, and of the codes that they get. */
function errors (tree) {
  const found = new Set()
  const add = node => {
    const text = node && pattern(node)
    if (text !== undefined) found.add(text)
  }
  walk(tree, node => {
    const isMade = ts.isNewExpression(node) ? /Error$/ : ts.isCallExpression(node) ? /^(failure|late|system)$/ : null
    if (ts.isCallExpression(node) && lastName(node.expression) === 'warnOnce') add(node.arguments[1])
    if (isMade && isMade.test(lastName(node.expression) || '')) add(node.arguments[0])
    if (ts.isCallExpression(node) && node.expression.getText().startsWith('assert')) add(node.arguments[node.arguments.length - 1])
    if (ts.isBinaryExpression(node) && lastName(node.left) === 'code') add(node.right)
    if (ts.isPropertyAssignment(node) && node.name.getText() === 'code') add(node.initializer)
  })
  return found
}

/** The members of each class and interface of the types, by its name; events by their names. */
function types () {
  const members = new Map()
  const folder = path.join(ROOT, 'types')
  for (const name of fs.readdirSync(folder).filter(name => name.endsWith('.d.ts') && name !== 'emitter.d.ts')) {
    walk(parse(path.join(folder, name)), node => {
      if (!ts.isInterfaceDeclaration(node) && !ts.isClassDeclaration(node)) return
      members.set(node.name.text, new Set(node.members.map(member => member.name && member.name.getText().replace(/['"]/g, '')).filter(Boolean)))
    })
  }
  return members
}

/** The examples in the comments of the types, by the name of what they belong to. */
function examples () {
  const found = new Map()
  const folder = path.join(ROOT, 'types')
  for (const name of fs.readdirSync(folder).filter(name => name.endsWith('.d.ts'))) {
    const tree = parse(path.join(folder, name))
    for (const node of tree.statements) {
      for (const tag of ts.getJSDocTags(node)) {
        if (tag.tagName.text === 'example') found.set(node.name.text, `${ts.getTextOfJSDocComment(tag.comment)}\n`)
      }
    }
  }
  return found
}

/** The texts between quotes from `from` up to `to` in a Rust file, with `<>` for what differs. */
function rustTexts (file, from, to) {
  const source = fs.readFileSync(path.join(ROOT, 'src', file), 'utf8')
  const start = source.indexOf(from)
  const end = source.indexOf(to, start)
  if (start < 0 || end < 0) throw new Error(`${file}: no ${from} ... ${to}`)
  const texts = [...source.slice(start, end).matchAll(/"([^"\n]+)"/g)]
  if (texts.length === 0) throw new Error(`${file}: no text from ${from} to ${to}`)
  return texts.map(([, text]) => text.replace(/\{\w*\}/g, '<>'))
}

module.exports = { ROOT, calls, errors, examples, modules, reads, rustTexts, types }
