import { Link as Class } from './index'

type LinkClass = Class

/** The class, which is its own member `Link` as well. */
declare const Link: typeof Class & { readonly Link: typeof Class }
type Link = Class
declare namespace Link {
  type Link = LinkClass
}

export = Link
