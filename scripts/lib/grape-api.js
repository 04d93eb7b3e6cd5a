'use strict'

// The HTTP API of a grape.

/** Posts to a grape's API; resolves with `{ status, text, answer }`, `answer` being the JSON. */
async function post (url, type, data) {
  const body = JSON.stringify({ rid: 'any', data })
  return exchange(`${url}/${type}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
}

/** One HTTP exchange, as `post`. */
async function exchange (url, opts) {
  const response = await fetch(url, opts)
  const text = await response.text()
  let answer
  try {
    answer = JSON.parse(text)
  } catch (err) {
    // Some answers are no JSON.
  }
  return { status: response.status, text, answer, headers: response.headers }
}

/** The answer alone. */
async function ask (url, type, data) {
  return (await post(url, type, data)).answer
}

module.exports = { ask, exchange, post }
