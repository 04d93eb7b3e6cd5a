'use strict'

const fs = require('fs')
const tls = require('tls')
const defaults = require('../options/defaults')
const { TEXT } = require('../errors/errors')
const { inLine, pieces } = require('../errors/printable')
const { usageError } = require('./failure')

const { EMBEDDED, LINK } = defaults

/** Errors of a client without TLS when a server with TLS closes its connection. */
const HUNG_UP = [TEXT.HANG_UP, 'read ECONNRESET', 'write EPIPE']

/** One run of the command: its connection to the network, and its output. */
class Session {
  constructor (options) {
    this.options = options
    this.isJson = options['no-json'] ? false : options.json || !process.stdout.isTTY
    this._ends = []
    this._printed = () => {}
  }

  /**
   * A started link. `lasting`: it announces as long as it runs, and runs the machine's grape if no other process
   * does; otherwise that grape must exist.
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
    const secure = this.secure()
    const peer = new PeerRPCClient(link, { requestTimeout: this.options.timeout, ...secure && { secure } })
    peer.init()
    this.onEnd(() => peer.stop())
    return peer
  }

  /** `conf.secure` of peers; null without TLS. */
  secure () {
    const { cert, key, ...rest } = this._tls()
    return cert === undefined ? null : { ca: Buffer.from(tls.rootCertificates.join('\n')), cert, key, ...rest }
  }

  /** The result of a link's asynchronous method, in time. */
  async ask (link, method, ...args) {
    try {
      return await this.answer(done => link[method](...args, done))
    } catch (err) {
      throw Object.assign(err, { grape: this.grapeUrl })
    }
  }

  /** Addresses of a service; with `--wait` as soon as there are any. */
  async find (link, key) {
    const { wait } = this.options
    if (wait === undefined) return this.ask(link, 'lookup', key, {})
    try {
      return await link.promises.waitFor(key, { timeout: wait })
    } catch (err) {
      throw Object.assign(err, { grape: this.grapeUrl, waited: wait })
    }
  }

  /** The result that `start(done)` passes to its callback, in time. */
  answer (start) {
    return this.inTime(new Promise((resolve, reject) => {
      start((err, res) => err ? reject(this._hinted(err)) : resolve(res))
    }))
  }

  /** Adds a hint to an error that a missing TLS option may cause. */
  _hinted (err) {
    const isHungUp = HUNG_UP.includes(err.message) && this.options.cert === undefined
    return isHungUp ? Object.assign(err, { hint: 'if the service has TLS, ask with --cert, --key and --ca' }) : err
  }

  /** The text at a path of a grape's API, up to the size of an answer. */
  async get (grape, path) {
    const url = new URL(path, grape.replace(/^ws/i, 'http'))
    const { get } = url.protocol === 'https:' ? require('https') : require('http')
    let request
    try {
      return await this.inTime(new Promise((resolve, reject) => {
        request = get(url, { ...this._tls(), agent: false }, response => {
          let text = ''
          response.setEncoding('utf8').on('data', chunk => {
            text += chunk
            if (text.length > defaults.MAX_GRAPE_ANSWER) response.destroy(new Error('length limit exceeded'))
          }).on('error', reject).on('end', () => resolve(text))
        }).on('error', reject)
      }))
    } catch (err) {
      throw Object.assign(err, { grape })
    } finally {
      request.destroy()
    }
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
   * Prints an object, with a text for people; either may be a function, which is called when it is printed. Foreign
   * text must not control a terminal; a pipe gets text and bytes unchanged.
   */
  print (object, text) {
    if (this.isJson) write(pieces(JSON.stringify(made(object))))
    else this._say(made(text))
    this._printed()
  }

  /** Calls `hold(true)` when the reader of the output does not keep up, and `hold(false)` once it has caught up. */
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

  /** Prints a message that is no result. */
  note (text) {
    console.error(`grenache: ${inLine(text)}`)
  }

  /** Resolves at SIGINT or SIGTERM. */
  untilSignal () {
    return new Promise(resolve => {
      // Once: a second signal ends the process at once.
      process.once('SIGINT', resolve)
      process.once('SIGTERM', resolve)
    })
  }

  /** `-` means the text of stdin, without its last line end. */
  async text (argument) {
    if (argument !== '-') return argument
    let text = ''
    for await (const chunk of process.stdin.setEncoding('utf8')) text += chunk
    return text.replace(/\r?\n$/, '')
  }

  /** Adds a function to be called at the end; the latest runs first. */
  onEnd (stop) {
    this._ends.unshift(stop)
  }

  end () {
    for (const stop of this._ends) stop()
  }

  get grapeUrl () {
    const { grape } = this.options
    if (grape !== EMBEDDED) return grape
    const EmbeddedGrape = require('../grape/EmbeddedGrape')
    return new EmbeddedGrape(this.options['grape-port']).url
  }

  /** The addresses of all grapes. */
  get grapeUrls () {
    return this.grapeUrl.split(',').map(url => url.trim())
  }

  /** The TLS options with Node's names. */
  _tls () {
    const secure = {}
    for (const name of ['ca', 'cert', 'key']) {
      if (this.options[name] !== undefined) secure[name] = readFile(this.options[name], name)
    }
    if (!secure.cert !== !secure.key) throw usageError('--cert and --key go together')
    checkPem(secure, this.options)
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

/** Explains OpenSSL's codes: which of the files is wrong. */
function checkPem (secure, files) {
  const read = (name, read, wanted) => {
    if (secure[name] === undefined) return undefined
    try {
      return read(secure[name])
    } catch (err) {
      throw usageError(`--${name} ${files[name]}: no ${wanted} in PEM`)
    }
  }
  const { X509Certificate, createPrivateKey } = require('crypto')
  read('ca', pem => new X509Certificate(pem), 'certificate')
  const cert = read('cert', pem => new X509Certificate(pem), 'certificate')
  const key = read('key', pem => createPrivateKey(pem), 'private key without a passphrase')
  if (cert && key && !cert.checkPrivateKey(key)) throw usageError(`--key ${files.key}: it is not the key of --cert ${files.cert}`)
}

module.exports = Session
