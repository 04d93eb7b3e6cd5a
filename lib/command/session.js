'use strict'

const fs = require('fs')
const tls = require('tls')
const { EMBEDDED, LINK, MAX_GRAPE_ANSWER } = require('../defaults')
const { TEXT } = require('../errors')
const { inLine, pieces } = require('../printable')
const { usageError } = require('./failure')

/** A plain client at a server with TLS is hung up on. */
const HUNG_UP = [TEXT.HANG_UP, 'read ECONNRESET', 'write EPIPE']

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

  /** What an asynchronous method of a link answers, in time. */
  async ask (link, method, ...args) {
    try {
      return await this.answer(done => link[method](...args, done))
    } catch (err) {
      throw Object.assign(err, { grape: this.grapeUrl })
    }
  }

  /** Addresses of a service; with `--wait` as soon as there are some. */
  async find (link, key) {
    const { wait } = this.options
    if (wait === undefined) return this.ask(link, 'lookup', key, {})
    try {
      return await link.promises.waitFor(key, { timeout: wait })
    } catch (err) {
      throw Object.assign(err, { grape: this.grapeUrl })
    }
  }

  /** What `start(done)` tells its callback, in time. */
  answer (start) {
    return this.inTime(new Promise((resolve, reject) => {
      start((err, res) => err ? reject(this._hinted(err)) : resolve(res))
    }))
  }

  /** Says of what a mistake with TLS looks like that it may be one. */
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
            if (text.length > MAX_GRAPE_ANSWER) response.destroy(new Error('length limit exceeded'))
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

  /** Each of them. */
  get grapeUrls () {
    return this.grapeUrl.split(',').map(url => url.trim())
  }

  /** The TLS options as Node names them. */
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

/** Says in words what OpenSSL says in codes: which of the files is not what it should be. */
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
