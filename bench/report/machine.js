'use strict'

const { spawnSync } = require('child_process')
const fs = require('fs')
const os = require('os')
const path = require('path')
const { version } = require('../../package.json')
const { bunFile, versionOf } = require('../lib/programs')

const output = (file, args) => spawnSync(file, args, { encoding: 'utf8', cwd: __dirname }).stdout?.trim() || 'none'

/** Version of a crate that bench/rust was built with. */
function crateVersion (name) {
  const lock = fs.readFileSync(path.join(__dirname, '..', 'rust', 'Cargo.lock'), 'utf8')
  return new RegExp(`name = "${name}"\\nversion = "(.*)"`).exec(lock)[1]
}

/** Machine and versions of a run: names and values. */
function machine () {
  const [cpu] = os.cpus()
  return {
    Date: new Date().toISOString().slice(0, 10),
    Processor: `${cpu.model.trim()}, ${os.cpus().length} cores`,
    Memory: `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    System: `${os.type()} ${os.release()}, ${os.arch()}`,
    Node: process.version,
    'This package': `${version}, commit ${output('git', ['describe', '--always', '--dirty'])}`,
    'grenache-nodejs-ws': `${require('grenache-nodejs-ws/package.json').version} with ws ${originalWs()}`,
    ws: versionOf('ws'),
    '@grpc/grpc-js': versionOf('@grpc/grpc-js'),
    zeromq: versionOf('zeromq'),
    Bun: bunFile() ? output(bunFile(), ['--version']) : 'none',
    'tokio-tungstenite': `${crateVersion('tokio-tungstenite')} with tokio ${crateVersion('tokio')}`,
    Rust: output('rustc', ['--version'])
  }
}

function originalWs () {
  const from = path.dirname(require.resolve('grenache-nodejs-ws/package.json'))
  return require(require.resolve('ws/package.json', { paths: [from] })).version
}

module.exports = { machine }
