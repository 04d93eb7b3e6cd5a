import { TransportPub } from '../pubsub'

export = TransportPub
