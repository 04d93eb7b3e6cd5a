// Many actions under one key.

import { RequestContext, RequestHandler } from './server'

export {}

/** Options of `actions`. */
export interface ActionsOptions<Api = any> {
  /** What may be called. Default: the functions that the object itself has, without those that begin with `_`. */
  methods?: ReadonlyArray<keyof Api & string> | null
  /** The methods take a callback for their last argument. Default: false. */
  callback?: boolean | null
  /** The first argument of the methods, or what returns it. Default: none. */
  space?: ((context: RequestContext, payload: any) => any) | object | string | number | boolean | null
}

/** A request that `actions` answers. */
export interface ActionPayload {
  action: string
  args?: any
}

/** A handler for `service.handle` that answers `{ action, args }` with `api[action](...args)`. */
export function actions<Api extends object>(api: Api, opts?: ActionsOptions<Api>): RequestHandler<ActionPayload, any>
