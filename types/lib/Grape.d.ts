import { Grape } from '../grape'

export = Grape
