'use strict'

// Maps modules of the replaced packages to those of this package: by the requested name, and by the file that was
// found, so that the originals' own examples and tests, which require `../`, run on this package too.

const fs = require('fs')
const path = require('path')

const ROOT = path.join(__dirname, '..', '..')
const LIB = path.join(ROOT, 'lib')
const MAIN = path.join(ROOT, 'index.js')
const LINK = path.join(LIB, 'Link.js')

/** For each replaced package, maps one of its files to this package's (`''`: the main file). */
const REPLACED = {
  'grenache-nodejs-ws': file => file === '' ? MAIN : ours(file),
  'grenache-nodejs-link': file => file === '' ? LINK : ours(file),
  'grenache-grape': file => file === '' ? MAIN : ours(file)
}

function ours (file) {
  const full = path.join(ROOT, file.endsWith('.js') ? file : `${file}.js`)
  return path.dirname(full) === LIB && fs.existsSync(full) ? full : undefined
}

/** `name` or `name/file`, as an application requires it. */
function byName (request) {
  for (const name of Object.keys(REPLACED)) {
    if (request === name) return REPLACED[name]('')
    if (request.startsWith(`${name}/`)) return REPLACED[name](request.slice(name.length + 1))
  }
}

/** The file that was found may belong to a replaced package, whatever its folder is called. */
function byFile (found) {
  const root = packageRoot(path.dirname(found))
  if (root === undefined || REPLACED[root.name] === undefined) return undefined
  const file = path.relative(root.folder, found).split(path.sep).join('/')
  return REPLACED[root.name](file === root.main ? '' : file)
}

const roots = new Map()

function packageRoot (folder) {
  if (roots.has(folder)) return roots.get(folder)
  const parent = path.dirname(folder)
  const root = readPackage(folder) || (parent === folder ? undefined : packageRoot(parent))
  roots.set(folder, root)
  return root
}

function readPackage (folder) {
  try {
    const { name, main } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json')))
    return { folder, name, main: main || 'index.js' }
  } catch (err) {
    return undefined
  }
}

module.exports = { byFile, byName }
