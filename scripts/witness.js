'use strict'

// Which test files know an I/O driver: those whose processes or threads open a connection or listen.
// The others do the same under both drivers, so that one run of them is enough.
//
// Loaded by `node --require` into each process of a run of tests. A test file leaves `<name>.began` in
// the folder GRENACHE_WITNESS, and `<name>.used` once it or a process below it meets a driver.

const { createHash } = require('crypto')
const fs = require('fs')
const Module = require('module')
const path = require('path')

/** The functions of the addon's Core that make a connection or a server, with a driver. */
const MAKERS = ['connect', 'listen', 'stream']

const nameOf = file => createHash('sha256').update(path.resolve(file)).digest('hex').slice(0, 16)

/**
 * The files whose run is known to have met no driver. One that names the environment variables that
 * choose it, or by which its processes are watched, is never among them, nor one that never began.
 */
function withoutDriver (folder, files, root) {
  return files.filter(file => {
    const full = path.join(root, file)
    const has = kind => fs.existsSync(path.join(folder, `${nameOf(full)}.${kind}`))
    return has('began') && !has('used') && !/GRENACHE_IO|NODE_OPTIONS/.test(fs.readFileSync(full, 'utf8'))
  })
}

/** How long the run of a file took, in ms. */
const timeOf = (folder, file) => Number(fs.readFileSync(path.join(folder, `${nameOf(file)}.began`), 'utf8'))

function watch (folder) {
  const write = (kind, text = '') => fs.writeFileSync(path.join(folder, `${process.env.GRENACHE_WITNESS_OF}.${kind}`), text)
  let isUsed = false
  const use = () => {
    if (isUsed) return
    try {
      write('used')
      isUsed = true
    } catch (err) {
      // A test has taken all descriptors. The exit has one.
      if (err.code !== 'EMFILE') throw err
      process.once('exit', () => write('used'))
    }
  }
  if (process.env.GRENACHE_WITNESS_OF === undefined) {
    // The process that starts the test files is none of them.
    if (process.env.NODE_TEST_CONTEXT === undefined) return
    process.env.GRENACHE_WITNESS_OF = nameOf(process.argv[1])
    write('began', '0')
    process.once('exit', () => write('began', String(Math.round(performance.now()))))
  }

  const load = Module._extensions['.node']
  Module._extensions['.node'] = function (module, filename) {
    load.call(this, module, filename)
    const { Core } = module.exports
    for (const name of Core ? MAKERS : []) {
      const make = Core.prototype[name]
      Core.prototype[name] = function (...args) {
        use()
        return make.apply(this, args)
      }
    }
  }
}

if (process.env.GRENACHE_WITNESS) watch(process.env.GRENACHE_WITNESS)

module.exports = { MAKERS, timeOf, withoutDriver }
