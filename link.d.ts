import { Link } from './index'

export = Link
