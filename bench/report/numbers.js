'use strict'

/** As many digits as a reader needs. */
function number (value) {
  if (!Number.isFinite(value)) return '-'
  if (Math.abs(value) >= 1000) return Number(value.toPrecision(3)).toLocaleString('en')
  return String(Number(value.toPrecision(value >= 100 ? 3 : 2)))
}

const ratio = value => Number.isFinite(value) ? `${number(value)} x` : '-'

module.exports = { number, ratio }
