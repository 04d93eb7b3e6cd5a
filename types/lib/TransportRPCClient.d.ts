import { TransportRPCClient } from '../client'

export = TransportRPCClient
