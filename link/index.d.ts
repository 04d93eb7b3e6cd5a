import { Link } from 'grenache-nodejs-ws-native'

export = Link
