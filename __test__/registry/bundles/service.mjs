import { PeerRPCClient, PeerRPCServer, Link } from 'grenache-nodejs-ws-native'
import answer from './answer.js'

answer({ PeerRPCClient, PeerRPCServer }, Link)
