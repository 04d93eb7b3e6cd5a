'use strict'

const fs = require('fs')
const os = require('os')
const path = require('path')

/** A listener in the system's table of TCP sockets, where listeners come first. */
const LISTENING = /^\s*\d+: [0-9A-F]+:[0-9A-F]{4} [0-9A-F]+:[0-9A-F]{4} 0A /

const CHUNK = 64 * 1024

/** Addresses that a connection to 127.0.0.1 may reach, as written in the tables of IPv4 and IPv6. */
const LOOPBACK = os.endianness() === 'LE' ? '0100007F' : '7F000001'
const MAPPED = os.endianness() === 'LE' ? 'FFFF0000' : '0000FFFF'
const TABLES = {
  tcp: ['00000000', LOOPBACK],
  tcp6: ['0'.repeat(32), '0'.repeat(16) + MAPPED + LOOPBACK, '0'.repeat(16) + MAPPED + '0'.repeat(8)]
}

/**
 * The users (uid) whose programs listen on a port of 127.0.0.1. Only Linux provides this; elsewhere, and without a
 * listener, the result is empty.
 * @param {string} [folder] where the tables are
 */
function portOwners (port, folder = '/proc/net') {
  const ending = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const owners = new Set()
  for (const [table, addresses] of Object.entries(TABLES)) {
    const wanted = addresses.map(address => address + ending)
    for (const row of listeners(path.join(folder, table))) {
      if (!wanted.some(local => row.includes(local))) continue
      const [, local, , , , , , uid] = row.trim().split(/\s+/)
      if (wanted.includes(local)) owners.add(+uid)
    }
  }
  return [...owners]
}

/** The rows of a table up to the first that is no listener: there may be very many connections. */
function listeners (file) {
  let descriptor
  try {
    descriptor = fs.openSync(file, 'r')
  } catch (err) {
    return []
  }
  try {
    const found = []
    let rest = ''
    const chunk = Buffer.allocUnsafe(CHUNK)
    for (let isHead = true; ; isHead = false) {
      const read = fs.readSync(descriptor, chunk, 0, CHUNK, null)
      const rows = (rest + chunk.latin1Slice(0, read)).split('\n')
      rest = rows.pop()
      if (isHead) rows.shift()
      const end = rows.findIndex(row => !LISTENING.test(row))
      found.push(...rows.slice(0, end === -1 ? rows.length : end))
      if (read === 0 || end !== -1) return found
    }
  } catch (err) {
    return []
  } finally {
    fs.closeSync(descriptor)
  }
}

module.exports = { portOwners }
