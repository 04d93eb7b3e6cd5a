import { Transport } from '../peer'

export = Transport
