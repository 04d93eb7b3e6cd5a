'use strict'

// The command line of `grape`: the options of the original's command, and a few more.

const { didYouMean } = require('./nearest')
const { COMMAND_API_PORT, GRAPE } = require('../options/defaults')

/** Every option: its names, its key in the conf, the kind of its value, and its help text. */
const OPTIONS = [
  { names: ['dp', 'dht_port'], key: 'dht_port', kind: 'port', default: GRAPE.dht_port, help: `UDP port of the node (${GRAPE.dht_port})` },
  { names: ['aph', 'api_port'], key: 'api_port', kind: 'port', default: COMMAND_API_PORT, help: `TCP port of the HTTP API (${COMMAND_API_PORT})` },
  { names: ['bn', 'bootstrap'], key: 'dht_bootstrap', kind: 'nodes', default: GRAPE.dht_bootstrap, help: 'other nodes, host:port,host:port; without any this one waits for others' },
  { names: ['b', 'bind'], key: 'host', kind: 'text', help: 'address of both ports; every interface without' },
  { names: ['api_hosts'], key: 'api_hosts', kind: 'text', help: 'names of the API in a browser beside its addresses, name,name' },
  { names: ['dc', 'dht_concurrency'], key: 'dht_concurrency', kind: 'count', help: 'queries of one lookup at once (16)' },
  { names: ['dht_maxTables'], key: 'dht_maxTables', kind: 'count', help: 'names whose nodes are remembered (5000)' },
  { names: ['dht_maxValues'], key: 'dht_maxValues', kind: 'count', help: 'stored values (5000)' },
  { names: ['dpa', 'dht_peer_maxAge'], key: 'dht_peer_maxAge', kind: 'count', help: 'ms until an announce is forgotten (360000)' },
  { names: ['cache_maxAge'], key: 'cache_maxAge', kind: 'count', help: 'taken for the original\'s sake, without effect' },
  { names: ['dnl', 'dht_nodeLiveness'], key: 'dht_nodeLiveness', kind: 'count', help: 'ms until a silent node is pinged (300000)' },
  { names: ['check_maxPayloadSize'], key: 'check_maxPayloadSize', kind: 'count', help: 'bytes of a request\'s body (8192)' },
  { names: ['dht_rateLimit'], key: 'dht_rateLimit', kind: 'count', help: 'queries a second from one address, of this machine 20 times as many (5000)' },
  { names: ['dht_state'], key: 'dht_state', kind: 'text', help: 'file that known nodes and the id are kept in' },
  { names: ['json'], key: 'json', kind: 'flag', help: 'a JSON object a line instead of text' },
  { names: ['help', 'h'], key: 'help', kind: 'flag', help: 'this text' },
  { names: ['version', 'v'], key: 'version', kind: 'flag', help: 'the version' }
]

function usage () {
  const names = option => option.names.map(dashed).join(', ')
  const width = Math.max(...OPTIONS.map(option => names(option).length))
  return [
    'Usage: grape [options]',
    '',
    ...OPTIONS.map(option => `  ${names(option).padEnd(width)}  ${option.help}`),
    '',
    'Examples:',
    '  grape --bind 127.0.0.1',
    '  grape --dp 20001 --aph 30001 --bn 127.0.0.1:20002',
    '  grape --dp 20002 --aph 40001 --bn 127.0.0.1:20001 --bind 127.0.0.1'
  ].join('\n')
}

function dashed (name) {
  return name.length === 1 ? `-${name}` : `--${name}`
}

/** Options may be spelled as the original's parser accepts them: `--dht-port`, `--dhtPort`, `--b`. */
function plain (name) {
  return name.toLowerCase().replace(/[-_]/g, '')
}

/** Parses arguments; throws an Error whose message is for people. */
function parse (args) {
  const conf = {}
  for (let at = 0; at < args.length; at++) {
    const [, name, , inline] = /^--?([^=]+)(=(.*))?$/.exec(args[at]) || []
    if (['help', 'version'].includes(args[at]) && args.length === 1) return { [args[at]]: true }
    if (name === undefined) throw new Error(`${args[at]}: what is this? Options begin with --`)
    const option = OPTIONS.find(({ names }) => names.some(known => plain(known) === plain(name)))
    if (option === undefined) throw new Error(`${args[at]}: unknown option${didYouMean(`--${name}`, OPTIONS.flatMap(({ names }) => names).filter(name => name.length > 1).map(dashed))}`)
    if (option.kind === 'flag') {
      conf[option.key] = inline !== 'false'
      continue
    }
    const value = inline === undefined ? args[++at] : inline
    if (value === undefined) throw new Error(`${args[at - 1]}: a value is missing`)
    conf[option.key] = KINDS[option.kind](value, dashed(name))
  }
  if (conf.help || conf.version) return conf
  for (const { key, default: value } of OPTIONS) if (value !== undefined && conf[key] === undefined) conf[key] = value
  return conf
}

const KINDS = {
  text: value => value,
  count (value, name) {
    if (!/^\d+$/.test(value)) throw new Error(`${name} ${value}: a number is wanted`)
    return +value
  },
  port (value, name) {
    if (!/^\d+$/.test(value) || +value > 65535) throw new Error(`${name} ${value}: a port from 0 to 65535 is wanted`)
    return +value
  },
  nodes (value, name) {
    return value.split(',').map(node => node.trim()).filter(Boolean).map(node => {
      const [, host, port] = /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(\d+)$/.exec(node) || []
      if (host === undefined || +port === 0 || +port > 65535) {
        throw new Error(`${name} ${node}: host:port is wanted, several with commas between`)
      }
      return node
    })
  }
}

module.exports = { parse, usage }
