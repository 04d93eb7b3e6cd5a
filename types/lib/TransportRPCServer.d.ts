import { TransportRPCServer } from '../server'

export = TransportRPCServer
