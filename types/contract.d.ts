// Contracts: the requests and replies of services, as types.

import { RequestHandler } from './server'

export {}

/**
 * The constraint on a contract: for each key the payload of a request and the result, `[request, reply]`.
 *
 * @example
 * import { Link, PeerRPCClient, PeerRPCServer } from 'grenache-nodejs-ws-native'
 *
 * interface Sums { sum: [request: number[], reply: number] }
 *
 * const link = new Link({ grape: 'http://127.0.0.1:30001' }).start()
 * const server = new PeerRPCServer<Sums>(link)
 * server.init()
 * const service = server.transport('server').listen(0)
 * service.handle('sum', numbers => numbers.reduce((total, number) => total + number, 0))
 * await link.promises.startAnnouncing('sum', service.port)
 *
 * const client = new PeerRPCClient<Sums>(link)
 * client.init()
 * const total = await client.request('sum', [1, 2, 3])
 * console.log(total.toFixed(2)) // 6.00
 *
 * for (const one of [client, server, link]) one.stop()
 */
export type Contract<S> = { [Key in keyof S]: [request: any, reply: any] }

/** One handler for each key of a contract: what `handle` of a server's transport takes. */
export type Handlers<S> = { [Key in keyof S]: RequestHandler<RequestOf<S, Key>, ReplyOf<S, Key>> }

/** Whether there is no contract: `any`, or a class of transports instead. */
type IsFree<S> = 0 extends 1 & S ? true : S extends { isConnecting(): boolean } ? true : false

/** Every key without a contract; none with one, whose keys are in `KeyOf`. */
export type FreeKey<S> = IsFree<S> extends true ? string : never

/** The keys of a contract; every key without one. */
export type KeyOf<S> = IsFree<S> extends true ? string : keyof S & string

/**
 * The payload of requests for a key: `RequestOf<Sums, 'sum'>`. An indexed access, so that a function
 * with a type parameter for the key may hand on its payload.
 */
export type RequestOf<S, Key> = IsFree<S> extends true ? any : S extends Contract<S> ? S[Key & keyof S][0] : never

/** The result of requests for a key: `ReplyOf<Sums, 'sum'>`. */
export type ReplyOf<S, Key> = IsFree<S> extends true ? any : S extends Contract<S> ? S[Key & keyof S][1] : never

/** The keys of a contract whose requests need no payload. */
export type BareKey<S> = IsFree<S> extends true
  ? never
  : { [Key in keyof S & string]: null extends RequestOf<S, Key> ? Key : undefined extends RequestOf<S, Key> ? Key : never }[keyof S & string]

/** The contract alone: `any` for none, or for a class of transports instead. */
export type ContractOf<S> = S extends Contract<S> ? S : any

/** The transports of a peer: those of its contract, or the class given instead. */
export type TransportOf<S, Class, Own> = 0 extends 1 & S ? Own : S extends Class ? S : Own
