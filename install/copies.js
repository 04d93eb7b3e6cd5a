'use strict'

// The copies of this package in a service's folder: aliases and other packages' version ranges
// cause several, and one build serves all copies with this version.

const fs = require('fs')
const path = require('path')
const { name, version } = require('../package.json')

const root = fs.realpathSync(path.join(__dirname, '..'))

/**
 * Folders of copies in the node_modules of a folder and its parents, and this package's own.
 * @returns {{ same: string[], others: { folder: string, version: string }[], isUsed: boolean }}
 *   `isUsed`: a service there has some copy, or the folder is this package's own
 */
function copies (start) {
  const found = new Map()
  const seen = new Set()
  for (let folder = path.resolve(start), last; folder !== last; last = folder, folder = path.dirname(folder)) {
    walk(path.join(folder, 'node_modules'), found, seen)
    // For yarn without node_modules.
    const unplugged = path.join(folder, '.yarn', 'unplugged')
    if (fs.existsSync(unplugged)) for (const each of fs.readdirSync(unplugged)) walk(path.join(unplugged, each, 'node_modules'), found, seen)
  }
  const isUsed = found.size > 0 || fs.realpathSync(start).startsWith(root)
  found.delete(root)
  const all = [...found].map(([folder, version]) => ({ folder, version }))
  return {
    same: [root, ...all.filter(each => each.version === version).map(({ folder }) => folder)],
    others: all.filter(each => each.version !== version),
    isUsed
  }
}

function walk (modules, found, seen) {
  const real = realpath(modules)
  if (real === undefined || seen.has(real)) return
  seen.add(real)
  for (const entry of fs.readdirSync(real)) {
    const folder = path.join(real, entry)
    if (entry === '.pnpm') for (const each of fs.readdirSync(folder)) walk(path.join(folder, each, 'node_modules'), found, seen)
    else if (entry.startsWith('@')) for (const each of fs.readdirSync(folder)) look(path.join(folder, each), found, seen)
    else if (!entry.startsWith('.')) look(folder, found, seen)
  }
}

function look (link, found, seen) {
  const folder = realpath(link)
  if (folder === undefined) return
  const json = read(path.join(folder, 'package.json'))
  if (json.name === name) found.set(folder, json.version)
  walk(path.join(folder, 'node_modules'), found, seen)
}

function realpath (file) {
  try {
    return fs.realpathSync(file)
  } catch {}
}

function read (file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'))
  } catch {
    return {}
  }
}

module.exports = { copies }
