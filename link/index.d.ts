import Link = require('grenache-nodejs-ws-native/link')

export = Link
