'use strict'

// The command `grenache`: asks a network of services from a shell.

const { helpOf, helpOfAll, parse } = require('./arguments')
const { EXIT, explain, exitCodeOf, usageError } = require('./failure')
const Session = require('./session')

/** Every subcommand: `name`, `args`, `help`, `options`, and `run(session, ...args)`. */
const COMMANDS = [
  ...require('./discovery'),
  ...require('./calls'),
  ...require('./pubsub'),
  ...require('./measure')
]

async function main (args) {
  let code = EXIT.OK
  // Who reads no more, like `head`, has seen enough.
  process.stdout.on('error', () => process.exit(EXIT.OK))
  try {
    await start(args)
  } catch (err) {
    console.error(`grenache: ${explain(err)}`)
    code = exitCodeOf(err)
  }
  // What is under way is not waited for; what was printed leaves.
  process.stdout.write('', () => process.exit(code))
}

async function start ([name, ...rest]) {
  if (name === '--version') return console.log(require('../../package.json').version)
  if (name === '--help' || name === '-h') return console.log(helpOfAll(COMMANDS))
  if (name === undefined) throw usageError('a command is wanted')
  const command = COMMANDS.find(command => command.name === name)
  if (command === undefined) throw usageError(`${name}: no such command`)

  const { options, args } = parse(command, rest)
  if (options.help) return console.log(helpOf(command))
  const session = new Session(options)
  try {
    await command.run(session, ...args)
  } finally {
    session.end()
  }
}

module.exports = main
module.exports.COMMANDS = COMMANDS
