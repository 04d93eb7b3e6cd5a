import { PeerRPCServer } from '../server'

export = PeerRPCServer
