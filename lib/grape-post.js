'use strict'

// One exchange with a grape, wherever it is: without TLS the native side carries it, else Node.

const { isFaked, theirs } = require('./clock')
const dispatch = require('./dispatch')
const { MAX_REDIRECTS, MAX_TIMEOUT } = require('./defaults')
const { TEXT, badGrape } = require('./errors')
const { late } = require('./failure')

/** Statuses that say where else to ask. Grapes answer 301 and 302 too, but say no place. */
const ELSEWHERE = [301, 302, 303, 307, 308]

/** Header fields that say what the body is, and how it is sent. */
const OF_BODY = ['content-type', 'content-length', 'transfer-encoding']

/** Those that are for one place alone. */
const OF_PLACE = ['authorization', 'cookie', 'cookie2', 'host', 'www-authenticate']

/**
 * Posts a JSON text to a grape: `cb(err, status, body)`. Throws for an address that is none, and for
 * `headers` that none may have. What it returns ends it, and `cb` is called in a later tick: `end(err)`.
 * @param {number} timeout ms, for all of it
 * @param {object} [tls] options of Node's `https.request`, such as `ca`
 */
function post (url, headers, body, timeout, tls, cb) {
  const first = addressOf(url)
  let fields = fieldsOf(headers)
  const until = theirs.now() + timeout
  // Where a test has replaced the timers it says when the time is over.
  const timer = isFaked() ? theirs.setTimeout(() => end(late(TEXT.TIMEOUT, { timeout })), timeout) : null
  if (timer !== null) {
    const told = cb
    timeout = MAX_TIMEOUT
    cb = (...args) => {
      timer.clear()
      told(...args)
    }
  }
  let left = MAX_REDIRECTS
  let end
  const ask = ({ href, origin, authorization }, timeout) => {
    const answered = (err, status, text, location) => {
      if (err || !location || !ELSEWHERE.includes(status)) return cb(err, status, text)
      if (left-- === 0) return cb(late(TEXT.REDIRECTS))
      let next
      try {
        next = addressOf(new URL(location, href).href)
      } catch (err) {
        return cb(badGrape(location))
      }
      // Who knows the password of one place need not know it of another.
      if (next.origin !== origin) fields = without(fields, OF_PLACE)
      else if (next.authorization === undefined) next.authorization = authorization
      ask(next, Math.max(0, until - theirs.now()))
    }
    const all = authorization === undefined ? fields : { authorization, ...fields }
    end = href.startsWith('https:')
      ? securePost().post(href, all, body, timeout, tls, answered)
      : dispatch.post(href, all, body, timeout, answered)
  }
  ask(first, timeout)
  return err => end(err)
}

let tlsPost

/** Node's `https` takes a while to load. */
function securePost () {
  return tlsPost || (tlsPost = require('./secure-post'))
}

/** Closes the connections to grapes that are kept, and others once they have their answers. */
function letGo () {
  dispatch.letGrapesGo()
  if (tlsPost) tlsPost.letGo()
}

/** Somebody's header fields, by their names in small letters; throws for such as Node sends none. */
function fieldsOf (headers) {
  if (!headers) return {}
  const { validateHeaderName, validateHeaderValue } = require('http')
  const fields = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)])
  for (const [name, value] of fields) {
    validateHeaderName(name)
    validateHeaderValue(name, value)
  }
  return without(Object.fromEntries(fields), OF_BODY)
}

function without (fields, names) {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)))
}

/** What a URL of a grape says; throws for one that is none. */
function addressOf (url) {
  let parsed
  try {
    parsed = new URL(url)
  } catch (err) {
    throw badGrape(url)
  }
  // A URL takes any number of slashes, and with them a path for the host.
  if (!/^https?:\/\/[^/]/i.test(url)) throw badGrape(url)
  const { username, password } = parsed
  let authorization
  if (username !== '' || password !== '') {
    const plain = [username, password].map(decodeURIComponent).join(':')
    authorization = `Basic ${Buffer.from(plain).toString('base64')}`
    parsed.username = parsed.password = ''
  }
  return { href: parsed.href, origin: parsed.origin, authorization }
}

module.exports = { letGo, post }
