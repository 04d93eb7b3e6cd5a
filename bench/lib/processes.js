'use strict'

const { fork } = require('child_process')
const net = require('net')
const path = require('path')

/** A child that answers each message with one. */
class Child {
  constructor (script, args) {
    this.process = fork(path.join(__dirname, '..', script), args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.ready = this.next()
  }

  /** Resolves with its next message; rejects when it ends first. */
  next () {
    return new Promise((resolve, reject) => {
      const onExit = code => reject(new Error(`a bench process ended with ${code}`))
      this.process.once('exit', onExit)
      this.process.once('message', message => {
        this.process.removeListener('exit', onExit)
        if (message.error) reject(new Error(message.error))
        else resolve(message)
      })
    })
  }

  /** Sends a message, resolves with the answer. */
  ask (message) {
    const answer = this.next()
    this.process.send(message)
    return answer
  }

  stop () {
    return new Promise(resolve => {
      this.process.once('exit', resolve)
      this.process.kill()
    })
  }
}

function freePort () {
  return new Promise((resolve, reject) => {
    const server = net.createServer().on('error', reject)
    server.listen(0, () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

module.exports = { Child, freePort }
