import { PeerSub } from '../pubsub'

export = PeerSub
