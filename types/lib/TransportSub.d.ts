import { TransportSub } from '../pubsub'

export = TransportSub
