#!/usr/bin/env node
'use strict'

const fs = require('fs')
const { parse, usage } = require('../lib/cli/grapeOptions')
const { LASTING_AGE } = require('../lib/options/defaults')

function main () {
  let options
  try {
    options = parse(process.argv.slice(2))
  } catch (err) {
    return fail(`${err.message}\nTry: grape --help`, 2)
  }
  if (options.help) return console.log(usage())
  if (options.version) return console.log(require('../package.json').version)
  const { json, ...conf } = options
  run({ dht_peer_maxAge: LASTING_AGE, ...conf }, json ? sayJson : sayText)
}

function run (conf, say) {
  const Grape = require('../lib/Grape')
  const { isOfConf } = require('../lib/errors/errors')
  const grape = new Grape(conf)

  grape.on('ready', () => say('ready', {}, 'the first look around in the network is done'))
  grape.on('warning', text => {
    // Invalid datagrams are counted on the status page.
    if (!isOfConf(text)) return
    say('warning', { text }, `warning: ${text}`)
    if (/ no other node /.test(text)) grape.once('node', () => say('node', {}, 'another node answers now'))
  })
  grape.start(err => {
    if (err) return fail(explain(err, conf))
    const { dht, api } = grape.address()
    say('listening', { dht, api }, [
      `DHT node at UDP ${dht}`,
      `HTTP API and status page at http://${readable(api)}/`,
      `other nodes: ${conf.dht_bootstrap.join(', ') || 'none, it waits for others'}`
    ].join('\n'))
  })

  const stop = signal => {
    say('stopping', { signal }, `${signal}: stopping`)
    grape.stop()
  }
  // Once: a second signal ends the process at once.
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
}

function sayText (event, fields, text) {
  print(text)
}

function sayJson (event, fields) {
  print(JSON.stringify({ time: new Date().toISOString(), event, ...fields }))
}

/** As `console.log`, which would load Node's streams for a few lines. */
function print (line) {
  try {
    fs.writeSync(1, `${line}\n`)
  } catch (err) {
    // The reader has closed the pipe.
  }
}

/** An address that a browser on this machine can use. */
function readable (address) {
  return address.replace(/^(\[::\]|0\.0\.0\.0)/, 'localhost')
}

function explain (err, conf) {
  if (err.code === 'EADDRINUSE') {
    const [what, option] = err.syscall === 'bind' ? ['UDP', '--dp'] : ['TCP', '--aph']
    return `${what} port ${err.port} is in use, by another grape perhaps; choose another one with ${option}`
  }
  if (err.code === 'EACCES') return `no permission for port ${err.port}; those above 1023 need none`
  if (err.code === 'EADDRNOTAVAIL') return `${conf.host} is no address of this machine (--bind)`
  if (err.code === 'ENOTFOUND') return `${conf.host} has no IPv4 address (--bind)`
  return err.message
}

function fail (message, code = 1) {
  console.error(`grape: ${message}`)
  process.exitCode = code
}

main()
