'use strict'

// `grenache ls`: the services that grapes know, from all pages of their status.

const { STATUS } = require('../options/defaults')
const { printable } = require('../errors/printable')
const { nothingFound } = require('./failure')

module.exports = [
  {
    name: 'ls',
    args: '[<filter>]',
    help: 'lists the names that the grapes know, with addresses and the seconds since the last announce',
    details: [
      'With a filter only those whose name or address has it. A grape knows what was announced through it, and',
      'what other nodes stored at it: above 20 grapes no single one has everything. Long names are cut.'
    ],
    async run (session, filter = '') {
      const grapes = session.grapeUrls
      const found = new Map()
      const failures = []
      for (const grape of grapes) {
        try {
          // One deadline for all of its pages.
          for (const service of await session.inTime(servicesOf(session, grape, filter))) keep(found, service)
        } catch (err) {
          failures.push(err)
          if (grapes.length > 1) session.note(`${grape}: ${err.message}`)
        }
      }
      if (failures.length === grapes.length) throw failures[0]
      const all = [...found.values()].sort((a, b) => compare(a.name, b.name) || compare(a.address, b.address))
      if (all.length === 0) throw nothingFound(filter === '' ? 'no service is announced at this grape' : `${filter}: no such name or address`)
      const width = name => Math.min(STATUS.column, all.reduce((most, service) => Math.max(most, service[name].length), 0))
      const [names, addresses] = [width('name'), width('address')]
      for (const { name, address, age } of all) {
        session.print({ name, address, age }, () =>
          `${printable(name).padEnd(names)}  ${printable(address).padEnd(addresses)}  ${age === null ? '' : `${age} s`}`.trimEnd())
      }
    }
  }
]

const compare = (a, b) => a < b ? -1 : a > b ? 1 : 0

/** The latest announce reported by any grape counts. */
function keep (found, { name, address, age }) {
  const id = JSON.stringify([name, address])
  const known = found.get(id)
  if (known === undefined || (age !== null && (known.age === null || age < known.age))) found.set(id, { name, address, age })
}

/** Every page of a grape's services. */
async function servicesOf (session, grape, filter) {
  const found = []
  for (let page = 1, pages = 1; page <= Math.min(pages, STATUS.pages); page++) {
    const query = new URLSearchParams({ page, ...filter && { filter } })
    const status = read(await session.get(grape, `/status?${query}`), grape)
    pages = Number.isInteger(status.pages) ? status.pages : 1
    for (const { name, addresses } of status.services) {
      for (const [address, age] of addresses) {
        if (status.pages === undefined && !`${name} ${address}`.includes(filter)) continue
        found.push({ name: String(name), address: String(address), age: Number.isInteger(age) ? age : null })
        if (found.length > STATUS.addresses) throw new Error(`${grape} tells more than ${STATUS.addresses} addresses, which no grape has`)
      }
    }
    if (status.pages === undefined && status.addresses_left_out > 0) {
      session.note(`${grape} is of an older version, and leaves ${status.addresses_left_out} addresses out`)
    }
  }
  return found
}

const isText = value => typeof value === 'string' && value.length <= STATUS.text

function read (text, grape) {
  try {
    const status = JSON.parse(text)
    if (status.services.every(({ name, addresses }) => isText(name) && addresses.every(([address]) => isText(address)))) return status
  } catch (err) {
    // The error follows below.
  }
  throw new Error(`${grape} does not tell what it knows: it is no grape, or one of grenache-grape, which cannot`)
}
