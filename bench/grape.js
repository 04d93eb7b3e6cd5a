'use strict'

// The API of a grape compared with the original's, in one interleaved run: two grapes of each kind
// as processes, 100 names, 32 connections, one load process. Prints medians of the rounds, and
// ratios. The load process is the slowest part of ours: with a leaner one (wrk) the ratios are
// higher.
//
//   node bench/grape.js [rounds] [seconds]

const { fork, spawn } = require('child_process')
const { once } = require('events')
const fs = require('fs')
const net = require('net')
const path = require('path')
const { ask } = require('../scripts/lib/grape-api')
const { freePort, freeUdpPort } = require('../scripts/lib/ports')

const KINDS = ['native', 'original']
const WORK = ['announce', 'lookup']
const NAMES = 100
const CONNECTIONS = 32

/**
 * Sends requests to one API for `seconds`; a response fits one read, so only its length is checked.
 */
function load (port, work, seconds) {
  const requests = Array.from({ length: NAMES }, (_, at) => {
    const data = work === 'lookup' ? `name ${at}` : [`name ${at}`, 1000 + at]
    const body = JSON.stringify({ rid: 'any', data })
    return Buffer.from(`POST /${work} HTTP/1.1\r\nhost: any\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
  })
  const times = []
  let running = true
  for (let number = 0; number < CONNECTIONS; number++) {
    const socket = net.connect(port, '127.0.0.1').setNoDelay(true)
    let next = number
    let sent
    const send = () => {
      sent = performance.now()
      socket.write(requests[next])
      next = (next + 7) % NAMES
    }
    socket.on('connect', send)
    socket.on('data', data => {
      // `HTTP/1.1 200`
      if (data[9] !== 0x32) throw new Error(data.toString())
      times.push(performance.now() - sent)
      if (running) send()
    })
  }
  setTimeout(() => {
    running = false
    times.sort((a, b) => a - b)
    process.send({ rate: times.length / seconds, p99: times[Math.floor(times.length * 0.99)] })
    process.exit()
  }, seconds * 1000)
}

async function measure (...args) {
  const child = fork(__filename, ['load', ...args])
  const [result] = await once(child, 'message')
  await once(child, 'exit')
  return result
}

const COMMANDS = {
  native: path.join(__dirname, '..', 'bin', 'grape.js'),
  original: path.join(path.dirname(require.resolve('grenache-grape/package.json')), 'bin', 'grape.js')
}

/** Two grapes that know each other, started by the kind's own command. */
async function startGrapes (kind) {
  const dht = [await freeUdpPort(), await freeUdpPort()]
  const grapes = []
  for (const at of [0, 1]) {
    const api = await freePort()
    const args = ['--dp', dht[at], '--aph', api, '--bn', `127.0.0.1:${dht[1 - at]}`]
    grapes.push({ api, child: spawn(process.execPath, [COMMANDS[kind], ...args], { stdio: 'ignore' }) })
  }
  for (const { api } of grapes) {
    while (await ask(`http://127.0.0.1:${api}`, 'announce', ['name 0', 1000]).catch(() => 0) !== 1);
  }
  return grapes
}

function memory ({ pid }) {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8')) || []
  return kib / 1024
}

const median = numbers => [...numbers].sort((a, b) => a - b)[numbers.length >> 1]

async function main (rounds = 5, seconds = 3) {
  const grapes = {}
  for (const kind of KINDS) grapes[kind] = await startGrapes(kind)
  const idle = Object.fromEntries(KINDS.map(kind => [kind, memory(grapes[kind][0].child)]))
  const results = {}
  for (let round = 0; round < rounds; round++) {
    for (const work of WORK) {
      for (const kind of KINDS) {
        const result = await measure(grapes[kind][0].api, work, seconds)
        for (const what of ['rate', 'p99']) {
          const key = `${work} ${what} ${kind}`
          results[key] = [...results[key] || [], result[what]]
        }
      }
    }
  }
  for (const work of WORK) {
    for (const [what, unit, digits] of [['rate', 'a second', 0], ['p99', 'ms, p99', 2]]) {
      const [ours, theirs] = KINDS.map(kind => results[`${work} ${what} ${kind}`])
      const ratio = median(ours.map((value, round) => value / theirs[round]))
      console.log(`${work}: ${median(ours).toFixed(digits)} and ${median(theirs).toFixed(digits)} ${unit}, ratio ${ratio.toFixed(2)}`)
    }
  }
  console.log(`resident memory of an idle one: ${idle.native.toFixed(1)} and ${idle.original.toFixed(1)} MiB`)
  for (const kind of KINDS) for (const { child } of grapes[kind]) child.kill()
}

const [first, ...rest] = process.argv.slice(2)
if (first === 'load') load(+rest[0], rest[1], +rest[2])
else main(+first || undefined, +rest[0] || undefined)
