'use strict'

const fs = require('fs')
const tls = require('tls')
const { EMBEDDED, LINK } = require('../defaults')
const { TEXT } = require('../errors')
const { inLine, pieces } = require('../printable')
const { usageError } = require('./failure')

/** One run of the command: its way to the network, and to who reads what it says. */
class Session {
  constructor (options) {
    this.options = options
    this.isJson = options['no-json'] ? false : options.json || !process.stdout.isTTY
    this._ends = []
    this._printed = () => {}
  }

  /**
   * A link that is started. `lasting`: it announces something for as long as it runs, and runs
   * the machine's grape if nobody does; otherwise that one must be there.
   */
  link ({ lasting } = {}) {
    const Link = require('../Link')
    const { grape, timeout } = this.options
    const isEmbedded = grape === EMBEDDED
    const link = new Link({
      grape: isEmbedded && !lasting ? this.grapeUrl : grape,
      grapePort: this.options['grape-port'],
      requestTimeout: Math.min(timeout, LINK.requestTimeout),
      tls: this._tls()
    })
    link.start()
    this.onEnd(() => link.stop())
    return link
  }

  /** A client of services, over `link`. */
  client (link) {
    const PeerRPCClient = require('../PeerRPCClient')
    const { cert, key } = this._tls()
    if (!cert !== !key) throw usageError('--cert and --key go together')
    const peer = new PeerRPCClient(link, {
      requestTimeout: this.options.timeout,
      ...cert && { secure: { ca: Buffer.from(tls.rootCertificates.join('\n')), ...this._tls() } }
    })
    peer.init()
    this.onEnd(() => peer.stop())
    return peer
  }

  /** What an asynchronous method of a link answers, in time. */
  async ask (link, method, ...args) {
    try {
      return await this.answer(done => link[method](...args, done))
    } catch (err) {
      throw Object.assign(err, { grape: this.grapeUrl })
    }
  }

  /** What `start(done)` tells its callback, in time. */
  answer (start) {
    return this.inTime(new Promise((resolve, reject) => {
      start((err, res) => err ? reject(err) : resolve(res))
    }))
  }

  /** `promise`, or ERR_TIMEOUT. */
  inTime (promise) {
    let timer
    const late = new Promise((resolve, reject) => {
      timer = setTimeout(reject, this.options.timeout, new Error(TEXT.TIMEOUT))
    })
    return Promise.race([promise, late]).finally(() => clearTimeout(timer))
  }

  /**
   * Prints an object, which is a text for people; either may be a function, which is called when it
   * is printed. What others wrote may not rule a terminal; a pipe gets their text, or their bytes, as
   * they are.
   */
  print (object, text) {
    if (this.isJson) write(pieces(JSON.stringify(made(object))))
    else this._say(made(text))
    this._printed()
  }

  /**
   * `hold(true)` is called when who reads what is printed does not keep up, and `hold(false)` once that
   * has caught up.
   */
  onSlowReader (hold) {
    const { stdout } = process
    let isHeld = false
    this._printed = () => {
      if (isHeld || !stdout.writableNeedDrain) return
      hold(isHeld = true)
      stdout.once('drain', () => hold(isHeld = false))
    }
  }

  _say (text) {
    if (process.stdout.isTTY) write(pieces(String(text), '\n\t'))
    else if (Buffer.isBuffer(text)) process.stdout.write(Buffer.concat([text, Buffer.from('\n')]))
    else console.log(text)
  }

  /** Says something that is no result. */
  note (text) {
    console.error(`grenache: ${inLine(text)}`)
  }

  /** Resolves when somebody asks the command to end. */
  untilSignal () {
    return new Promise(resolve => {
      // Once: who asks a second time does not want to wait.
      process.once('SIGINT', resolve)
      process.once('SIGTERM', resolve)
    })
  }

  /** `-` is what stdin has, without its last line end. */
  async text (argument) {
    if (argument !== '-') return argument
    let text = ''
    for await (const chunk of process.stdin.setEncoding('utf8')) text += chunk
    return text.replace(/\r?\n$/, '')
  }

  /** What is to be stopped at the end; the latest first. */
  onEnd (stop) {
    this._ends.unshift(stop)
  }

  end () {
    for (const stop of this._ends) stop()
  }

  get grapeUrl () {
    const { grape } = this.options
    if (grape !== EMBEDDED) return grape
    const Embedded = require('../Embedded')
    return new Embedded(this.options['grape-port']).url
  }

  /** The TLS options as Node names them. */
  _tls () {
    const secure = {}
    for (const name of ['ca', 'cert', 'key']) {
      if (this.options[name] !== undefined) secure[name] = readFile(this.options[name], name)
    }
    if (this.options.insecure) secure.rejectUnauthorized = false
    return secure
  }
}

/** Writes a line. */
function write (parts) {
  for (const part of parts) process.stdout.write(part)
  process.stdout.write('\n')
}

const made = value => typeof value === 'function' ? value() : value

function readFile (file, name) {
  try {
    return fs.readFileSync(file)
  } catch (err) {
    throw usageError(`--${name}: ${err.message}`)
  }
}

module.exports = Session
