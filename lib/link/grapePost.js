'use strict'

// One exchange with a grape: without TLS the native side carries it, else Node.

const { isFaked, theirs } = require('../util/clock')
const { core } = require('../native/core')
// Delivers the responses.
require('../native/dispatch')
const exchanges = require('../native/exchanges')
const { MAX_REDIRECTS, MAX_TIMEOUT } = require('../options/defaults')
const { TEXT, badGrape } = require('../errors/errors')
const { late } = require('../errors/failure')

/** Redirect statuses. Grapes respond with 301 and 302 too, but without a location. */
const ELSEWHERE = [301, 302, 303, 307, 308]

/** Header fields that describe the body and its transfer. */
const OF_BODY = ['content-type', 'content-length', 'transfer-encoding']

/** Header fields that are for one host only. */
const OF_PLACE = ['authorization', 'cookie', 'cookie2', 'host', 'www-authenticate']

/**
 * Posts a JSON text to a grape: `cb(err, status, body)`. Throws for an invalid address, and for invalid `headers`.
 * Returns a function that cancels it, after which `cb` is called in a later tick: `end(err)`.
 * @param {number} timeout ms, for the whole exchange
 * @param {object} [tls] options of Node's `https.request`, such as `ca`
 */
function post (url, headers, body, timeout, tls, cb) {
  const first = parseGrape(url)
  let fields = fieldsOf(headers)
  const until = theirs.now() + timeout
  // With fake timers, a fake timer makes it time out.
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
        next = parseGrape(new URL(location, href).href)
      } catch (err) {
        return cb(badGrape(location))
      }
      // A host must not get another host's password.
      if (next.origin !== origin) fields = without(fields, OF_PLACE)
      else if (next.authorization === undefined) next.authorization = authorization
      ask(next, Math.max(0, until - theirs.now()))
    }
    const all = authorization === undefined ? fields : { authorization, ...fields }
    end = href.startsWith('https:')
      ? securePost().post(href, all, body, timeout, tls, answered)
      : exchanges.post(href, all, body, timeout, answered)
  }
  ask(first, timeout)
  return err => end(err)
}

let tlsPost

/** Node's `https` takes a while to load. */
function securePost () {
  return tlsPost || (tlsPost = require('./httpsPost'))
}

/** Closes the idle connections to grapes, and the others once they have their responses. */
function letGo () {
  core.letGrapesGo()
  if (tlsPost) tlsPost.letGo()
}

/** The user's header fields, with names in lower case; throws for fields that Node would not send. */
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

/** Parses a grape's URL; throws for an invalid one. */
function parseGrape (url) {
  let parsed
  try {
    parsed = new URL(url)
  } catch (err) {
    throw badGrape(url)
  }
  // `new URL` accepts any number of slashes, and would take a path for the host.
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
