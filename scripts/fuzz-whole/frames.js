'use strict'

// WebSocket frames (RFC 6455 section 5), valid and invalid.

const { mutate } = require('./bytes')
const json = require('./json')

const OPCODES = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 }
const { CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG } = OPCODES

/** Payload lengths at the limits of the three forms, and of options. */
const LENGTHS = [0, 1, 125, 126, 127, 65535, 65536, 65537]

/** Declared lengths without the bytes. */
const FALSE_LENGTHS = [126n, 65535n, 65536n, 1n << 20n, 100n << 20n, (100n << 20n) + 1n, 1n << 31n, 1n << 32n, 1n << 53n, 1n << 62n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n]

const CLOSE_CODES = [0, 999, 1000, 1001, 1003, 1004, 1005, 1006, 1007, 1011, 1014, 1015, 1016, 2999, 3000, 4999, 5000, 65535]

/**
 * The bytes of a frame.
 * @param {object} [options] `mask` of four bytes; `form` of the length (7, 16 or 64 bits), which
 * need
 *   not be the shortest; `length`, which need not be the payload's
 */
function frame (opcode, payload = Buffer.alloc(0), { fin = true, reserved = 0, mask, form, length = BigInt(payload.length) } = {}) {
  form = form || (length < 126n ? 7 : length < 65536n ? 16 : 64)
  const head = Buffer.alloc(2 + (form === 7 ? 0 : form / 8))
  head[0] = (fin ? 0x80 : 0) | (reserved << 4) | opcode
  head[1] = (mask ? 0x80 : 0) | (form === 7 ? Number(length & 127n) : form === 16 ? 126 : 127)
  if (form === 16) head.writeUInt16BE(Number(length & 65535n), 2)
  if (form === 64) head.writeBigUInt64BE(length, 2)
  if (!mask) return Buffer.concat([head, payload])
  const masked = Buffer.from(payload)
  if (mask.readUInt32BE(0) !== 0) for (let at = 0; at < masked.length; at++) masked[at] ^= mask[at & 3]
  return Buffer.concat([head, mask, masked])
}

/** A mask if the side must have one. Zeros leave texts readable. */
function maskOf (random, isMasked) {
  if (!isMasked) return undefined
  return random.once(3) ? random.bytes(4) : Buffer.alloc(4)
}

/** A valid control frame between fragments. */
function control (random, isMasked) {
  return frame(random.pick([PING, PONG]), random.bytes(random.pick([0, 1, 4, 125])), { mask: maskOf(random, isMasked) })
}

/** A valid message: in one frame, or in several with control frames between them. */
function message (random, payload, isMasked, opcode = TEXT) {
  const mask = () => maskOf(random, isMasked)
  if (random.below(4) > 0) return frame(opcode, payload, { mask: mask() })
  const frames = []
  const count = random.between(2, 2 + random.size(random.once(10) ? 2000 : 20))
  const size = Math.ceil(payload.length / count)
  for (let at = 0; at < count; at++) {
    const part = payload.subarray(at * size, (at + 1) * size)
    frames.push(frame(at === 0 ? opcode : CONTINUATION, part, { fin: at === count - 1, mask: mask() }))
    if (random.once(8) && at < count - 1) frames.push(control(random, isMasked))
  }
  return Buffer.concat(frames)
}

/** A frame with one error. `isMasked`: whether it should be masked. */
function broken (random, payload, isMasked) {
  const mask = maskOf(random, isMasked)
  const none = Buffer.alloc(0)
  return random.pick([
    () => frame(TEXT, payload, { mask: isMasked ? undefined : random.bytes(4) }),
    () => frame(random.pick([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]), payload, { mask }),
    () => frame(random.pick([TEXT, BINARY, PING, CLOSE]), payload, { mask, reserved: random.between(1, 7) }),
    () => frame(random.pick([PING, PONG, CLOSE]), random.bytes(random.pick([126, 127, 70000])), { mask }),
    () => frame(random.pick([PING, PONG, CLOSE]), none, { mask, fin: false }),
    () => frame(CONTINUATION, payload, { mask, fin: random.once(2) }),
    // A message within a message.
    () => Buffer.concat([frame(TEXT, payload, { mask, fin: false }), frame(TEXT, payload, { mask })]),
    () => frame(TEXT, payload, { mask, form: random.pick([16, 64]) }),
    () => frame(random.pick([TEXT, BINARY, PING]), payload.subarray(0, 200), { mask, form: 64, length: random.pick(FALSE_LENGTHS) }),
    () => frame(TEXT, Buffer.concat([payload, Buffer.from([0xff, 0xc0])]), { mask }),
    () => frame(CLOSE, Buffer.from([random.below(256)]), { mask }),
    () => closing(random, isMasked),
    () => frame(CLOSE, Buffer.concat([Buffer.from([3, 232]), Buffer.from([0xed, 0xa0, 0x80])]), { mask }),
    // Frames after the close frame.
    () => Buffer.concat([closing(random, isMasked), frame(TEXT, payload, { mask }), closing(random, isMasked)]),
    () => mutate(random, frame(TEXT, payload, { mask })),
    () => random.bytes(random.size(2000))
  ])()
}

/** A close frame with any code. */
function closing (random, isMasked) {
  const code = Buffer.alloc(2)
  code.writeUInt16BE(random.pick(CLOSE_CODES))
  return frame(CLOSE, Buffer.concat([code, Buffer.from('x'.repeat(random.pick([0, 3, 123])))]), { mask: maskOf(random, isMasked) })
}

/** Many small frames: how many, and which. */
function flood (random, isMasked) {
  const mask = isMasked ? Buffer.alloc(4) : undefined
  return random.pick([
    () => frame(TEXT, Buffer.alloc(0), { mask }),
    () => frame(BINARY, Buffer.alloc(0), { mask }),
    () => frame(PING, Buffer.alloc(0), { mask }),
    () => frame(PING, Buffer.alloc(125, 'p'), { mask }),
    () => frame(PONG, Buffer.alloc(0), { mask }),
    () => frame(TEXT, Buffer.from('0'), { mask }),
    () => frame(TEXT, Buffer.from('[]'), { mask }),
    () => frame(TEXT, Buffer.from(json.plain(random)), { mask }),
    () => Buffer.concat([frame(TEXT, Buffer.alloc(0), { mask, fin: false }), frame(CONTINUATION, Buffer.alloc(0), { mask })])
  ])()
}

/** A message that begins, continues in empty frames, and never ends. */
function endless (random, isMasked) {
  const mask = isMasked ? Buffer.alloc(4) : undefined
  return {
    begin: frame(TEXT, Buffer.from('['), { mask, fin: false }),
    more: frame(CONTINUATION, random.pick([Buffer.alloc(0), Buffer.from('0'), Buffer.from(','.repeat(100))]), { mask, fin: false })
  }
}

module.exports = { LENGTHS, OPCODES, broken, closing, control, endless, flood, frame, maskOf, message }
