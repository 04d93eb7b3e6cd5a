'use strict'

// The command `grenache`: uses a network of services from a shell.

const { COMMON, helpOf, helpOfAll, nameIn, parse } = require('./arguments')
const { EXIT, explain, exitCodeOf, usageError } = require('./failure')
const { didYouMean } = require('./nearest')
const Session = require('./session')

/** Every subcommand: `name`, `args`, `help`, `options`, and `run(session, ...args)`. */
const COMMANDS = [
  ...require('./discovery'),
  ...require('./names'),
  ...require('./calls'),
  ...require('./pubsub'),
  ...require('./measure'),
  ...require('./services'),
  require('./completion')(() => COMMANDS)
]

async function main (args) {
  let code = EXIT.OK
  // The reader, like `head`, has closed the pipe.
  process.stdout.on('error', () => process.exit(EXIT.OK))
  try {
    await start(args)
  } catch (err) {
    console.error(`grenache: ${explain(err)}`)
    code = exitCodeOf(err)
  }
  // Pending work is not awaited; the printed output is written.
  process.stdout.write('', () => process.exit(code))
}

async function start (line) {
  const { name, rest } = nameIn(line)
  // Before a command, or instead of one.
  const isAsked = (...flags) => name === undefined && rest.some(flag => flags.includes(flag))
  if (name === 'version' || isAsked('--version', '-v')) return console.log(require('../../package.json').version)
  if (isAsked('--help', '-h') || (name === 'help' && rest.length === 0)) return console.log(helpOfAll(COMMANDS))
  if (name === 'help') return console.log(helpOf(commandOf(rest[0])))
  if (name === undefined) {
    const unknown = rest.find(flag => flag.startsWith('-') && !isKnown(flag))
    if (unknown) throw usageError(`Unknown option '${unknown}'`)
    throw usageError('a command is wanted')
  }
  const command = commandOf(name)

  const { options, args } = parse(command, rest)
  if (options.help) return console.log(helpOf(command))
  const session = new Session(options)
  try {
    await command.run(session, ...args)
  } finally {
    session.end()
  }
}

/** Whether every command has this option. */
const isKnown = flag => Object.hasOwn(COMMON, flag.replace(/^--|=[^]*$/g, ''))

function commandOf (name) {
  const command = COMMANDS.find(command => command.name === name)
  if (command !== undefined) return command
  throw usageError(`${name}: no such command${didYouMean(name, [...COMMANDS.map(({ name }) => name), 'help', 'version'])}`)
}

module.exports = main
module.exports.COMMANDS = COMMANDS
