import { PeerServer } from '../peer'

export = PeerServer
