'use strict'

// Stores a value in the DHT and reads it again.
//
//   node examples/put_get.js

const { Link } = require('..')

const link = new Link({ grape: process.env.GRAPE || 'embedded' })
link.start()

link.put({ v: 'hello world' }, (err, hash) => {
  if (err) {
    console.error('not stored:', err.message)
    return link.stop()
  }
  console.log('stored as', hash)

  link.get(hash, (err, found) => {
    if (err) console.error('not read:', err.message)
    else console.log('read:', found.v)
    link.stop()
  })
})
