import { PeerPub } from '../pubsub'

export = PeerPub
