import { TransportRPC } from '../peer'

export = TransportRPC
