'use strict'

// Requests and replies as texts: `["rid","key",payload]` and `["rid",error,result]`.

const json = require('./json')

/** Keys with a special behaviour of the attacked server; see targets/server.js. */
const KEYS = ['echo', 'big', 'error', 'pass', 'sync', 'async', 'throw', 'signal', 'unknown', '__proto__', '']

/** Placeholder for the id of the client's last request but `at`, with the same length. */
const RID = at => `00000000-0000-4000-8000-${String(at).padStart(12, '0')}`

function uuid (random) {
  const hex = random.bytes(16).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
}

/** A valid request, except perhaps its payload. */
function request (random, payload = json.value(random)) {
  return `["${uuid(random)}","${random.pick(KEYS)}",${payload}]`
}

/** Each part may be anything. */
function oddRequest (random) {
  const rid = random.once(2) ? json.value(random) : `"${uuid(random)}"`
  const key = random.once(3) ? json.value(random) : `"${random.pick(KEYS)}"`
  const more = random.list(3, () => `,${json.value(random)}`).join('')
  return random.weighted([
    [4, () => `[${rid},${key},${json.value(random)}]`],
    [1, () => `[${rid},${key},${json.value(random)}${more}]`],
    [1, () => `[${rid}]`],
    [1, () => `[${rid},${key}]`],
    [2, () => `{"0":${rid},"1":${key},"2":${json.value(random)},"length":3}`],
    [3, () => json.text(random)]
  ])()
}

/** Errors in replies, valid and invalid. */
function oddError (random) {
  return random.weighted([
    [2, () => '"ERR_FAILED"'],
    [2, () => json.value(random)],
    [1, () => `{"message":${json.value(random)},"code":${json.value(random)}}`],
    [1, () => `[${json.deep(random)}]`],
    [1, () => json.scalar(random)]
  ])()
}

/** A valid reply to a request of the client. */
function reply (random, at) {
  return `["${RID(at)}",null,${random.once(2) ? json.plain(random) : json.value(random)}]`
}

/** A valid id with anything else; or an unknown id. */
function oddReply (random, at) {
  const rid = `"${RID(at)}"`
  return random.weighted([
    [6, () => `[${rid},${oddError(random)},${json.value(random)}]`],
    [1, () => `[${rid}]`],
    [1, () => `[${rid},${oddError(random)}]`],
    [1, () => `[${rid},null,${json.value(random)},${json.value(random)}]`],
    [1, () => `["${uuid(random)}",null,${json.value(random)}]`],
    [1, () => `[${random.pick(['null', '0', '""', '{}', '[]', `[${rid}]`, `{"a":${rid}}`])},${oddError(random)},1]`],
    [1, () => `[${json.value(random)},null,${json.value(random)}]`],
    [1, () => `{"0":${rid},"1":null,"2":1,"length":3}`],
    // The id is in upper case, has spaces around it, or is cut.
    [1, () => `["${RID(at).replace(/0/g, 'A')}",null,1]`],
    [1, () => `[ "\\u0030${RID(at).slice(1)}" , null , 1 ]`],
    [1, () => `[${rid.slice(0, -3)}`],
    [2, () => json.text(random)]
  ])()
}

module.exports = { KEYS, RID, oddReply, oddRequest, reply, request, uuid }
