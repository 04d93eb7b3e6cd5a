// Many actions under one key.

import { RequestContext, RequestHandler } from './server'

export {}

/** Options of `actions`. */
export interface ActionsOptions<Api = any> {
  /**
   * Names of callable methods. Default: the functions that the object itself has, without those
   * that begin with `_`.
   */
  methods?: ReadonlyArray<keyof Api & string> | null | undefined
  /** The last argument of the methods is a callback. Default: false. */
  callback?: boolean | null | undefined
  /** The first argument of the methods, or a function that returns it. Default: none. */
  space?: (((context: RequestContext, payload: any) => any) | object | string | number | boolean | null) | undefined
}

/** A request to `actions`. */
export interface ActionPayload {
  action: string
  args?: any
}

/**
 * A handler for `service.handle` that replies to `{ action, args }` with `api[action](...args)`.
 *
 * @example
 * import { actions, Link, PeerRPCServer } from 'grenache-nodejs-ws-native'
 *
 * const server = new PeerRPCServer(new Link({ grape: 'http://127.0.0.1:30001' }))
 * server.init()
 * const service = server.transport('server').listen(0)
 * service.handle('sums', actions({ add: (a: number, b: number) => a + b })) // { action: 'add', args: [1, 2] }
 * server.stop()
 */
export function actions<Api extends object>(api: Api, opts?: ActionsOptions<Api>): RequestHandler<ActionPayload, any>
