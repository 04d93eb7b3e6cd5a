'use strict'

/** The bytes to sign for a text or for bytes (BEP 44). */
function signable ({ salt, seq, v }) {
  const string = value => {
    const bytes = ArrayBuffer.isView(value) ? bufferOf(value) : Buffer.from(String(value))
    return [Buffer.from(`${bytes.length}:`), bytes]
  }
  const salted = salt && salt.length > 0 ? [Buffer.from('4:salt'), ...string(salt)] : []
  return Buffer.concat([...salted, Buffer.from(`3:seqi${seq || 0}e1:v`), ...string(v)])
}

function bufferOf (view) {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength)
}

module.exports = { bufferOf, signable }
