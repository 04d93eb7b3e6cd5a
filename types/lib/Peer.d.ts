import { Peer } from '../peer'

export = Peer
