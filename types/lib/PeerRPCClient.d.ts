import { PeerRPCClient } from '../client'

export = PeerRPCClient
