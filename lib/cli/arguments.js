'use strict'

// Command lines, and their help.

const { parseArgs } = require('util')
const { EMBEDDED, GRAPE_PORT } = require('../options/defaults')
const { MEANING, usageError } = require('./failure')
const { didYouMean } = require('./nearest')

/** Options of every subcommand: the name of the value, if there is one, how it is parsed, and the help text. */
const COMMON = {
  grape: { value: 'addresses', read: grapes, default: EMBEDDED, help: `grapes, with commas between, or ${EMBEDDED}: the one of this machine. GRENACHE_GRAPE says it too` },
  'grape-port': { value: 'port', read: count, default: GRAPE_PORT, help: 'where that one is' },
  timeout: { value: 'ms', read: count, default: 10000, help: 'how long an answer may take' },
  json: { help: 'a JSON object a line: the default unless a terminal reads' },
  'no-json': { help: 'text for people' },
  ca: { value: 'file', help: 'TLS: who signed the other side\'s certificate (Node\'s own list)' },
  cert: { value: 'file', help: 'TLS: the own certificate; services are asked by TLS then' },
  key: { value: 'file', help: 'TLS: its key' },
  insecure: { help: 'TLS: take any certificate' },
  help: { short: 'h', help: 'this text' }
}

/** For subcommands that send requests to a service. */
const WAIT = { value: 'ms', read: count, help: 'how long to wait until a server announces the key' }

/** The subcommand's name in a command line, and the rest of the line: common options may come before the name. */
function nameIn (line) {
  let at = 0
  while (at < line.length && /^-./.test(line[at])) {
    const option = COMMON[line[at].slice(2)]
    at += option && option.value ? 2 : 1
  }
  return { name: line[at], rest: [...line.slice(0, at), ...line.slice(at + 1)] }
}

/** `{ options, args }` of a subcommand's command line, or a usage error. */
function parse (command, line) {
  const known = { ...COMMON, ...command.options }
  const { values, positionals } = read(known, line)
  if (values.help) return { options: values, args: [] }
  const wanted = command.args.split(' ').filter(Boolean)
  const required = wanted.filter(name => name.startsWith('<'))
  if (positionals.length < required.length) {
    throw usageError(`${command.name}: ${required[positionals.length]} is missing`)
  }
  if (positionals.length > wanted.length) {
    throw usageError(`${command.name}: ${positionals[wanted.length]} is too much`)
  }
  const options = {}
  if (!values.grape && process.env.GRENACHE_GRAPE) values.grape = grapes(process.env.GRENACHE_GRAPE, 'GRENACHE_GRAPE')
  for (const [name, { read, default: fallback }] of Object.entries(known)) {
    const given = values[name]
    if (given === undefined) options[name] = fallback
    else options[name] = read ? read(given, `--${name}`) : given
  }
  return { options, args: positionals }
}

function read (known, line) {
  const options = {}
  for (const [name, { value, short }] of Object.entries(known)) {
    options[name] = { type: value ? 'string' : 'boolean', ...short && { short } }
  }
  try {
    return parseArgs({ args: line, options, allowPositionals: true })
  } catch (err) {
    const [text] = err.message.split('. ')
    const [, unknown] = /^Unknown option '--([^']+)'/.exec(text) || []
    throw usageError(unknown === undefined ? text : text + didYouMean(`--${unknown}`, Object.keys(known).map(name => `--${name}`)))
  }
}

/** Addresses of grapes. */
function grapes (text, name) {
  for (const one of text.split(',').map(one => one.trim())) {
    if (text === EMBEDDED || isAddress(one)) continue
    const hint = /^[\w.-]+:\d+$/.test(one) ? `; did you mean http://${one}?` : ''
    const shown = one.replace(/\/\/[^/@]*@/, '//')
    throw usageError(`${name} ${shown}: an address such as http://127.0.0.1:30001 is wanted${hint}`)
  }
  return text
}

function isAddress (text) {
  if (!/^(https?|wss?):\/\/[^/]/i.test(text)) return false
  try {
    return new URL(text).hostname !== ''
  } catch (err) {
    return false
  }
}

/** A number above 0. */
function amount (text, name) {
  if (!/^\d+(\.\d+)?$/.test(text) || !(+text > 0)) throw usageError(`${name} ${text}: a number above 0 is wanted`)
  return +text
}

/** A whole number above 0. */
function count (text, name) {
  if (!/^\d+$/.test(text)) throw usageError(`${name} ${text}: a whole number above 0 is wanted`)
  return amount(text, name)
}

/** A TCP port; 0 takes any free one. */
function port (text) {
  if (!/^\d+$/.test(text) || +text > 65535) throw usageError(`${text}: a port from 0 to 65535 is wanted`)
  return +text
}

/** A service's port. */
function servicePort (text) {
  if (!/^\d+$/.test(text) || +text === 0 || +text > 65535) throw usageError(`${text}: the port of a service is wanted, from 1 to 65535`)
  return +text
}

/** A payload. */
function json (text) {
  try {
    return JSON.parse(text)
  } catch (err) {
    const hint = /^[\w ]{1,40}$/.test(text) ? `; for text: '"${text}"'` : ''
    throw usageError(`the payload is no JSON: ${err.message}${hint}`)
  }
}

function helpOf ({ name, args, help, details = [], options = {} }) {
  return [
    `Usage: grenache ${[name, args].filter(Boolean).join(' ')} [options]`,
    '',
    `${help[0].toUpperCase()}${help.slice(1)}.`,
    ...details,
    '',
    ...table(Object.entries({ ...options, ...COMMON }).map(([name, option]) => [optionName(name, option), optionHelp(option)]))
  ].join('\n')
}

function helpOfAll (commands) {
  return [
    'Usage: grenache [options] <command> [options]',
    '',
    ...table(commands.map(({ name, args, help }) => [[name, args].filter(Boolean).join(' '), help])),
    '',
    'Options, of each command:',
    ...table(Object.entries(COMMON).map(([name, option]) => [optionName(name, option), optionHelp(option)])),
    '',
    'Exit codes:',
    ...table(Object.entries(MEANING)),
    '',
    'grenache help <command> says more, and grenache version the version. A - in the place of a payload or a value reads it from stdin.',
    '',
    'Examples:',
    '  grenache ls',
    '  grenache lookup rpc_test',
    '  grenache request rpc_test \'{"hello":"world"}\' --grape http://127.0.0.1:30001',
    '  tail -f log | grenache pub 1338 --announce news'
  ].join('\n')
}

const optionName = (name, { value, short }) =>
  `${short ? `-${short}, ` : ''}--${name}${value ? ` <${value}>` : ''}`

const optionHelp = ({ help, default: fallback }) => fallback === undefined ? help : `${help} (${fallback})`

function table (rows) {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)
}

module.exports = { COMMON, WAIT, amount, count, helpOf, helpOfAll, json, nameIn, parse, port, servicePort }
