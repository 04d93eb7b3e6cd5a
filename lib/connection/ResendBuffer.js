'use strict'

const { RESENT } = require('../options/defaults')

/** Stands for an empty slot's request. */
const NO_REQUEST = { key: undefined, isString: false, timeout: undefined, opts: undefined }

/**
 * A connection's pending requests by slot, for resending those that a draining server has not begun, and for errors
 * that name a request. A slot's request stays until the next one overwrites it, unless it is costly.
 */
class ResendBuffer {
  constructor () {
    this._texts = []
    /** The requests without their texts. */
    this._requests = []
    /** Number of long texts and of requests with options: these are dropped when the reply arrives. */
    this._costly = 0
    /** Characters of the long texts. */
    this._chars = 0
    /** The latest request without its text. */
    this._latest = NO_REQUEST
  }

  /** Stores a request; the text only if the limit leaves room for it. */
  store (slot, key, text, isString, timeout, opts) {
    if (text.length > RESENT.from) text = this._reserve(text)
    this._texts[slot] = text
    let request = this._latest
    // Most requests equal the one before in this, and share its object.
    if (request.key !== key || request.timeout !== timeout || request.isString !== isString || opts !== undefined) {
      request = { key, isString, timeout, opts }
      if (opts === undefined) this._latest = request
      else this._costly++
    }
    this._requests[slot] = request
  }

  /** Counts a long text: returns it, or undefined above the limit. */
  _reserve (text) {
    if (this._chars + text.length > RESENT.chars) return undefined
    this._chars += text.length
    this._costly++
    return text
  }

  /** A slot's request without its text; undefined if the slot was never used. */
  at (slot) {
    return this._requests[slot]
  }

  /** A slot's request to be resent; `text` is undefined where the limit left no room. */
  copyOf (slot) {
    return { ...this._requests[slot], text: this._texts[slot] }
  }

  /** The slot's reply arrived: drops what is costly. */
  release (slot) {
    if (this._costly > 0 || slot >= RESENT.slots) this._drop(slot)
  }

  _drop (slot) {
    const text = this._texts[slot]
    this._texts[slot] = undefined
    if (text !== undefined && text.length > RESENT.from) {
      this._chars -= text.length
      this._costly--
    }
    if (this._requests[slot].opts !== undefined) {
      this._costly--
      this._requests[slot] = NO_REQUEST
    }
  }

  clear () {
    this._texts = []
    this._requests = []
    this._costly = 0
    this._chars = 0
  }
}

module.exports = ResendBuffer
