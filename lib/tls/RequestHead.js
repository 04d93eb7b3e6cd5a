'use strict'

const EMPTY_LINE = /\n\r?\n/g
const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~\w]+) \S+ HTTP\/1\.[01]\r?\n/
const UPGRADE = /\nupgrade[ \t]*:/i

/** Initial size of the buffer, in bytes. */
const FIRST = 512

/** The head of a request that arrives in pieces: whether it is an upgrade, and how to reject it. */
class RequestHead {
  /** @param {number} most maximum of its bytes */
  constructor (most) {
    this._most = most
    // One buffer for all pieces: a piece of one byte would hold hundreds.
    this._bytes = Buffer.allocUnsafeSlow(FIRST)
    this._size = 0
    /** The last characters, since an empty line may be split between pieces. */
    this._tail = ''
    this._end = 0
  }

  /** Adds a piece. Null: incomplete; 101: possibly an upgrade; else the status for a rejection. */
  add (bytes) {
    if (this._size === 0) {
      // Empty lines before the head are ignored (RFC 9112 section 2.2).
      let empty = 0
      while (empty < bytes.length && (bytes[empty] === 0x0a || bytes[empty] === 0x0d)) empty++
      bytes = bytes.subarray(empty)
      if (bytes.length === 0) return null
    }
    const text = this._tail + bytes.toString('latin1')
    EMPTY_LINE.lastIndex = 0
    const isEnd = EMPTY_LINE.test(text)
    this._end = this._size - this._tail.length + EMPTY_LINE.lastIndex
    this._tail = text.slice(-3)
    this._append(bytes)
    if (isEnd && this._end <= this._most) return this._judge()
    if (this._size >= this._most) return 431
    // Without a method it is no HTTP, and may never have an empty line.
    return this._bytes[0] > 0x20 && this._bytes[0] < 0x7f ? null : 400
  }

  /** Whether only the head of a response is wanted (RFC 9110 section 9.3.2). */
  get isHead () {
    return this._bytes.subarray(0, 5).toString('latin1') === 'HEAD '
  }

  /** The head, and the bytes after it. */
  take () {
    return { head: this._bytes.subarray(0, this._end), rest: this._bytes.subarray(this._end, this._size) }
  }

  _append (bytes) {
    const needed = this._size + bytes.length
    if (needed > this._bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(2 * this._bytes.length, this._most)))
      this._bytes.copy(larger, 0, 0, this._size)
      this._bytes = larger
    }
    bytes.copy(this._bytes, this._size)
    this._size = needed
  }

  _judge () {
    const text = this.take().head.toString('latin1')
    const line = REQUEST_LINE.exec(text)
    if (line === null) return 400
    return line[1] === 'GET' && UPGRADE.test(text) ? 101 : 426
  }
}

module.exports = RequestHead
