'use strict'

// Which module requires which, and the circles among them.

const fs = require('fs')
const path = require('path')

/** Maps each of `files` below `root` to the set of those that it requires, at once or later. */
function importsOf (root, files) {
  const known = new Set(files)
  return new Map(files.map(file => {
    const text = fs.readFileSync(path.join(root, file), 'utf8')
    const found = [...text.matchAll(/\brequire(?:\.resolve)?\('(\.[^']*)'\)/g)].map(([, name]) => {
      const target = path.posix.join(path.posix.dirname(file), name)
      return [target, `${target}.js`, `${target}/index.js`].find(candidate => known.has(candidate))
    })
    return [file, new Set(found.filter(Boolean))]
  }))
}

/** The circles of a graph: each is the sorted names of modules that all reach one another. */
function cyclesIn (imports) {
  const reach = new Map([...imports.keys()].map(name => [name, reachableFrom(imports, name)]))
  const seen = new Set()
  return [...imports.keys()].sort().flatMap(name => {
    if (seen.has(name) || !reach.get(name).has(name)) return []
    const circle = [...reach.get(name)].filter(other => reach.get(other).has(name)).sort()
    for (const one of circle) seen.add(one)
    return [circle]
  })
}

/** All modules that `name` leads to; itself only in a circle. */
function reachableFrom (imports, name) {
  const found = new Set()
  const open = [name]
  while (open.length > 0) {
    for (const next of imports.get(open.pop())) {
      if (found.has(next)) continue
      found.add(next)
      open.push(next)
    }
  }
  return found
}

module.exports = { cyclesIn, importsOf }
