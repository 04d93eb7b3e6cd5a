'use strict'

// Mistakes of a service after which, with the originals, nothing happens and nothing is reported. The behaviour is
// the same here, with a warning.

const { inspect } = require('util')
const { MAX_SHOWN } = require('../options/defaults')
const { MESSAGE } = require('./hints')
const { inLine } = require('./printable')
const warnOnce = require('./warnOnce')

/** The error for a message above `maxPayload`. */
const TOO_LARGE = 'Max payload size exceeded'

const short = value => inLine(inspect(value, { depth: 0, customInspect: false, breakLength: Infinity }).slice(0, MAX_SHOWN))

/** A request arrived, and `request` has no listener: its caller waits until the timeout. */
function unheard (transport, key) {
  warnOnce(transport, 'ERR_NO_HANDLER', String(key), () =>
    `a request for ${short(key)} came to port ${transport.port}, and nobody answers: ` +
    "it has no service.handle(key, handler), and nobody listens for 'request'. Its caller waits until its time is over"
  )
}

/** The message of an error that a service replies with; an error without one is lost. */
function messageOf (transport, err) {
  const { message } = err
  if (message === undefined) {
    warnOnce(transport, 'ERR_REPLY_ERROR', typeof err, () =>
      `handler.reply(${short(err)}): the first argument is the error, and this one has no message, so that the caller gets none. ` +
      "Say handler.reply(new Error('...')) for an error, and handler.reply(null, result) for a result"
    )
  }
  return message
}

/** A message is published that no subscriber gets. */
function unpublished (transport, listener, msg) {
  if (listener === undefined && transport.port === undefined && !transport.socket) {
    warnOnce(transport, 'ERR_NOT_LISTENING', '', () => 'pub() of a publisher that does not listen: nobody can get its messages before listen(port)')
  }
  if (typeof msg === 'string' || typeof msg === 'number' || !msg || ArrayBuffer.isView(msg)) return
  // Only here, since most servers make no socket objects.
  const { encode } = require('../socket/WebSocketLike')
  try {
    encode(msg)
  } catch (err) {
    warnOnce(transport, 'ERR_PUB_MESSAGE', typeof msg, () =>
      `pub(${short(msg)}) throws as soon as there is a subscriber: ${MESSAGE}`
    )
  }
}

/** Without `start` a link works, except for what `start` begins. */
function unstarted (link) {
  warnOnce(link, 'ERR_LINK_NOT_STARTED', '', () =>
    'a link is used without link.start(): it keeps no answers of lookups, runs no embedded grape, and does not keep the process alive'
  )
}

/** A client without TLS connected to a server with TLS. */
function plainClient (listener) {
  const { port } = listener.address() || {}
  warnOnce(listener, 'ERR_TLS_EXPECTED', '', () => `a client without TLS came to port ${port}, which has conf.secure: clients need it too`)
}

/** A too large message closes a subscription, which then reconnects: nothing else reports that. */
function tooLarge (transport, dest) {
  warnOnce(transport.client || transport, 'ERR_MESSAGE_SIZE', dest, () =>
    `a message of the publisher at ${inLine(dest)} was larger than conf.maxPayload of this subscriber: it ended the connection (close code 1009), and is lost`
  )
}

module.exports = { TOO_LARGE, messageOf, plainClient, tooLarge, unheard, unpublished, unstarted }
