'use strict'

/** A typical message of a service. */
const trade = at => ({ id: 1700000000 + at, pair: 'tBTCUSD', price: 43210.5 + at, amount: -0.25, maker: at % 2 === 0 })

const trades = count => ({ symbol: 'tBTCUSD', trades: Array.from({ length: count }, (_, at) => trade(at)) })

module.exports = {
  HELLO: 'hello',
  /** 100 bytes as JSON. */
  SMALL: { ...trade(7), note: 'limit order #12' },
  /** 10 KB. */
  MEDIUM: trades(130),
  /** 1 MB. */
  LARGE: trades(12800),
  /** Published as text. */
  NEWS: JSON.stringify({ topic: 'trades', price: 12345.678, amount: 0.5, time: 1700000000000 })
}
