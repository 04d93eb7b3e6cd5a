'use strict'

const EventEmitter = require('events')
const os = require('os')
const { NativeGrape } = require('./native/addon')
const { joined } = require('./util/address')
const { hold, letGo } = require('./native/keepAlive')
const { nextTick } = require('./util/clock')
const { GRAPE } = require('./options/defaults')
const { define } = require('./base/dispose')
const { TEXT, badPort, fromFailure, isOfConf } = require('./errors/errors')
const { codeOf, failure, late } = require('./errors/failure')
const { GrapeNode, portOf } = require('./grape/GrapeNode')
const {
  kAt, kGrape, kLastRequest, kNative, kRequest, kRequests, kStart, kStartNow, kStopping, kTold, kWant
} = require('./util/symbols')
const { CALLS, OPTIONS } = require('./options/optionTable')
const { check, withDefaults } = require('./options/values')
const { bufferOf, signable } = require('./grape/signable')

/** Events that are only created while there is a listener, since each costs something. */
const FREQUENT = ['node', 'peer', 'announce']

/** A node of the network in which services find each other, with its HTTP API. */
class Grape extends EventEmitter {
  /**
   * @param {object} conf
   * @param {number} conf.api_port TCP port of the HTTP API
   * @param {number} [conf.dht_port] UDP port of the node (20001)
   * @param {string[]} [conf.dht_bootstrap] other nodes, as `host:port`
   * @param {string[]} [conf.api_hosts] names of the API in a browser, beside addresses, `localhost` and `host`
   * @param {string} [conf.host] interface that both ports are bound to; all interfaces without it
   */
  constructor (conf) {
    super()
    check(OPTIONS.Grape, conf)
    this.conf = withDefaults(GRAPE, conf)
    this._active = false
    this._interface = {}
    this.node = undefined
    this[kNative] = null
    /** Callbacks of requests, by number. */
    this[kRequests] = new Map()
    /** Callbacks for the stop of native grapes. */
    this[kStopping] = new Map()
    this[kLastRequest] = 0
    // Runs before `on` returns, so that the listener gets the next event.
    super.on('newListener', name => FREQUENT.includes(name) && this[kWant](name))
  }

  /** Binds both ports; `cb(err)`. Also calls back when the grape runs already. */
  start (cb = noop) {
    if (this._active) return nextTick(cb)
    const err = this[kStartNow]()
    nextTick(() => {
      if (!err && this._active) this.emit('listening')
      // Services of the original may check the number of arguments.
      if (err) cb(err)
      else cb()
    })
  }

  /** Binds both ports; returns the error, or null. */
  startNow () {
    return this[kStartNow]()
  }

  [kStartNow] () {
    if (this._active) return null
    try {
      return this[kStart]()
    } catch (err) {
      return err
    }
  }

  /** Frees both ports; `cb(err)`. Also calls back when the grape does not run. */
  stop (cb = noop) {
    if (!this._active) return nextTick(cb, null)
    const native = this[kNative]
    this._active = false
    this[kNative] = null
    this._interface = {}
    this.node = undefined
    this[kStopping].set(native, () => {
      native.release()
      if (this.conf.keepAlive) letGo()
      cb(null)
    })
    native.stop()
  }

  /** Its addresses: `{ dht, api }`, each `host:port`; null when it does not run. */
  address () {
    if (!this._active) return null
    const [dht, api] = this[kNative].addresses()
    return { dht, api }
  }

  /**
   * Announces that `key` is served at `port` of this grape's machine: `cb(err, nodes)` with the number of nodes that
   * stored it.
   */
  announce (key, port, cb) {
    this[kRequest]('announce', [key, port], cb)
  }

  /** Takes an announce back: `cb(err, nodes)`. Grapes of the original let it expire. */
  unannounce (key, port, cb) {
    this[kRequest]('unannounce', [key, port], cb)
  }

  /**
   * Finds addresses: `cb(err, ['ip:port', ...])`, at most 100, `[]` for none.
   * @param {object} [opts] `order: 'fresh'` sorts by the latest announce, newest first
   */
  lookup (key, opts, cb) {
    if (typeof opts === 'function') return this.lookup(key, {}, opts)
    const order = CALLS.lookup.order.of(opts && opts.order)
    this[kRequest]('lookup', order === undefined ? key : { key, order }, cb)
  }

  /**
   * Stores a value: `cb(err, hash)`.
   * @param {object} opts `{ v }`, or a signed one `{ v, k, sig | sign, seq, salt, cas }` (BEP 44)
   */
  put (opts, cb) {
    try {
      const { data, v } = wireOf(opts)
      this[kRequest]('put', data, cb, v)
    } catch (err) {
      nextTick(cb || noop, err)
    }
  }

  /** Reads a value by its hash, or by `{ hash, salt }`: `cb(err, value)`. */
  get (opts, cb) {
    if (ArrayBuffer.isView(opts)) opts = { hash: opts }
    if (opts && ArrayBuffer.isView(opts.hash)) opts = { ...opts, hash: hexOf(opts.hash) }
    if (opts && ArrayBuffer.isView(opts.salt)) opts = { ...opts, salt: listOf(opts.salt) }
    this[kRequest]('get', opts, cb)
  }

  /** A name in hex, as `node` takes it. */
  str2hex (name) {
    return Buffer.from(name).toString('hex')
  }

  /** The name that `str2hex` was given. */
  hex2str (hex) {
    return Buffer.from(hex, 'hex').toString()
  }

  /** The bytes of a JSON text, or else of the text itself in this encoding. */
  str2buf (text, encoding) {
    try {
      return Buffer.from(JSON.parse(text))
    } catch (err) {
      return Buffer.from(text, encoding || '')
    }
  }

  /** Executes a request like the HTTP API: `type` is the path, `data` the data of the body. */
  request (type, data, cb, v) {
    this[kRequest](type, data, cb, v)
  }

  [kRequest] (type, data, cb, v) {
    if (typeof cb !== 'function') cb = noop
    let text
    try {
      text = JSON.stringify(data)
    } catch (err) {
      return nextTick(cb, err)
    }
    if (!this._active) return nextTick(cb, failure(TEXT.GRAPE_STOPPED))
    const id = this[kLastRequest] = (this[kLastRequest] + 1) >>> 0
    this[kRequests].set(id, cb)
    this[kNative].request(id, type, text === undefined ? 'null' : text, v)
  }

  [kStart] () {
    const { conf } = this
    if (!conf.api_port && conf.api_port !== ANY) return failure(TEXT.NO_PORT, { hint: 'conf.api_port is missing' })
    for (const port of [conf.dht_port, conf.api_port]) {
      if (!isPort(port)) return badPort(port)
    }
    const limits = OPTIONS.Grape
    const native = new NativeGrape()
    const failed = native.start({
      host: limits.host.of(conf.host),
      dhtPort: +conf.dht_port,
      apiPort: +conf.api_port,
      apiHosts: [os.hostname()].concat(limits.api_hosts.of(conf.api_hosts) || []).flatMap(names => String(names).split(',')).map(name => name.trim()),
      bootstrap: bootstrapOf(conf.dht_bootstrap),
      maxTables: limits.dht_maxTables.of(conf.dht_maxTables),
      maxValues: limits.dht_maxValues.of(conf.dht_maxValues),
      concurrency: limits.dht_concurrency.of(conf.dht_concurrency),
      nodeLiveness: limits.dht_nodeLiveness.of(conf.dht_nodeLiveness),
      peerMaxAge: limits.dht_peer_maxAge.of(conf.dht_peer_maxAge),
      rateLimit: limits.dht_rateLimit.of(conf.dht_rateLimit),
      maxPayloadSize: limits.check_maxPayloadSize.of(conf.check_maxPayloadSize),
      state: limits.dht_state.of(conf.dht_state),
      grace: limits.grace.of(conf.grace)
    }, event => this[kTold](native, event))
    if (failed) return fromFailure(failed)
    this[kNative] = native
    this._active = true
    const [dht, api] = native.addresses()
    const { announce, lookup, put, get } = Grape.prototype
    // A subclass's methods of these names may call `node`.
    this.node = new GrapeNode(portOf(dht), { announce, lookup, put, get }, this)
    this._interface = { http: new ApiServer(this, portOf(api)) }
    if (conf.keepAlive) hold()
    this[kWant]()
    return null
  }

  /** `added` is about to get a listener. */
  [kWant] (added) {
    if (!this._active) return
    this[kNative].want(...FREQUENT.map(name => name === added || this.listenerCount(name) > 0))
  }

  [kTold] (native, { name, text, id, status }) {
    if (name === 'answered') {
      const cb = this[kRequests].get(id)
      this[kRequests].delete(id)
      if (status === undefined) return text === '' ? cb(null) : cb(null, JSON.parse(text))
      const err = late(text, { code: status === 200 ? codeOf(text) || 'ERR_GRAPE_GENERIC' : undefined })
      if (status !== 200) err.code = status
      return cb(err)
    }
    if (name === 'stopped') {
      const stopped = this[kStopping].get(native)
      this[kStopping].delete(native)
      return stopped()
    }
    // Events that were on their way here when it stopped.
    if (native !== this[kNative]) return
    if (name === 'warning' && isOfConf(text) && this.listenerCount(name) === 0) {
      process.emitWarning(`grape: ${text}`, { type: 'GrenacheWarning', code: 'ERR_GRAPE_CONF' })
    }
    if (text === undefined) this.emit(name)
    else this.emit(name, text)
  }
}

/** The API's server, with the properties that services of the original read. */
class ApiServer {
  constructor (grape, at) {
    this[kAt] = at
    this[kGrape] = grape
  }

  get listening () {
    return this[kGrape]._interface.http === this
  }

  address () {
    return this.listening ? { ...this[kAt] } : null
  }

  /** Stops the grape: its API does not stop alone. */
  close (cb) {
    this[kGrape].stop(cb)
    return this
  }
}

/** A port number, or a text of one. */
function isPort (port) {
  return ['number', 'string'].includes(typeof port) && Number.isInteger(+port) && port >= 0 && port < 65536
}

/** Lets the system choose the port. */
const ANY = 0

/** Bootstrap nodes as `host:port`; the original also takes an array and `{ host, port }`. */
function bootstrapOf (list) {
  if (!list || list === true) return []
  return [].concat(list).flatMap(node => {
    if (typeof node === 'string') return node.split(',').map(text => text.trim()).filter(Boolean)
    return node ? [joined(String(node.host), node.port)] : []
  })
}

/** The JSON form of a put. Bytes become lists of numbers; those of the value are passed separately. */
function wireOf (opts) {
  if (ArrayBuffer.isView(opts)) opts = { v: opts }
  if (opts === null || typeof opts !== 'object') return { data: opts }
  const { sign, ...data } = opts
  if (typeof sign === 'function' && data.sig === undefined) data.sig = sign(signable(opts))
  const v = ArrayBuffer.isView(data.v) ? bufferOf(data.v) : undefined
  if (v) delete data.v
  for (const name of ['k', 'sig', 'salt']) {
    if (ArrayBuffer.isView(data[name])) data[name] = listOf(data[name])
  }
  return { data, v }
}

function listOf (view) {
  return [...bufferOf(view)]
}

function hexOf (view) {
  return bufferOf(view).toString('hex')
}

function noop () {}

define(Grape, 'asyncDispose', function () {
  return new Promise((resolve, reject) => this.stop(err => err ? reject(err) : resolve()))
})

module.exports = Grape
