'use strict'

const fs = require('fs')
const os = require('os')
const path = require('path')

/** A listener in the table of the system's TCP sockets; those are listed first. */
const LISTENING = '0A'

const CHUNK = 64 * 1024

/** Where a connection to 127.0.0.1 may arrive, as the tables of IPv4 and IPv6 write it. */
const LOOPBACK = os.endianness() === 'LE' ? '0100007F' : '7F000001'
const MAPPED = os.endianness() === 'LE' ? 'FFFF0000' : '0000FFFF'
const TABLES = {
  tcp: ['00000000', LOOPBACK],
  tcp6: ['0'.repeat(32), '0'.repeat(16) + MAPPED + LOOPBACK, '0'.repeat(16) + MAPPED + '0'.repeat(8)]
}

/**
 * The users (uid) whose programs answer at a port of 127.0.0.1. Only Linux says; elsewhere, and
 * when nobody listens, there are none.
 * @param {string} [folder] where the tables are
 */
function portOwners (port, folder = '/proc/net') {
  const ending = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const owners = new Set()
  for (const [table, addresses] of Object.entries(TABLES)) {
    const wanted = addresses.map(address => address + ending)
    for (const [, local, , state, , , , uid] of listeners(path.join(folder, table))) {
      if (state === LISTENING && wanted.includes(local)) owners.add(+uid)
    }
  }
  return [...owners]
}

/** The rows of a table up to the first that is no listener's: there may be very many connections. */
function listeners (file) {
  let descriptor
  try {
    descriptor = fs.openSync(file, 'r')
  } catch (err) {
    return []
  }
  try {
    let text = ''
    const chunk = Buffer.allocUnsafe(CHUNK)
    for (;;) {
      const read = fs.readSync(descriptor, chunk, 0, CHUNK, null)
      text += chunk.latin1Slice(0, read)
      const rows = text.split('\n').slice(1, read === 0 ? undefined : -1)
        .map(row => row.trim().split(/\s+/)).filter(row => row.length > 7)
      const end = rows.findIndex(([, , , state]) => state !== LISTENING)
      if (read === 0 || end !== -1) return end === -1 ? rows : rows.slice(0, end)
    }
  } catch (err) {
    return []
  } finally {
    fs.closeSync(descriptor)
  }
}

module.exports = { portOwners }
