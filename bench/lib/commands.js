'use strict'

const { createInterface } = require('readline')

/**
 * Replies to each line of JSON on standard input with one on standard output, the result of
 * `actions[line.do]`. The process ends when its input does, so it never outlives its parent.
 */
function answer (actions) {
  const say = message => process.stdout.write(JSON.stringify(message) + '\n')
  process.stdout.on('error', () => process.exit())
  createInterface({ input: process.stdin })
    .on('line', line => {
      const command = JSON.parse(line)
      Promise.resolve(command).then(actions[command.do]).then(
        result => say({ result: result || {} }),
        err => say({ error: String((err && err.message) || err) })
      )
    })
    .on('close', () => process.exit())
  say({ ready: true })
}

module.exports = { answer }
