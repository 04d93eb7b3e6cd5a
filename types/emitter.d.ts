// Events with known arguments: for the other files, not for services.

import { EventEmitter } from 'events'

export {}

/** Any event's name; a union with it still completes the names that are known. */
type Name<Events> = keyof Events | (string & {}) | symbol

/** An event's arguments; those of an event that is not in `Events`, a service's own, are any. */
type Args<Events, E> = E extends keyof Events ? Events[E] extends any[] ? Events[E] : never : any[]

/**
 * A listener for one of the possible argument types of an event: a service that publishes only text
 * gets only strings.
 */
type Narrow<Events, E> = E extends keyof Events
  ? Events[E] extends [data: infer Arg, dest?: string] ? (Arg extends any ? (arg: Arg, dest?: string) => void : never) : never
  : never

/**
 * An EventEmitter of Node whose events have known arguments. Node's own generic one has no events
 * besides those that are known, and older types of Node have none.
 */
export class TypedEmitter<Events> extends EventEmitter {
  on<E extends Name<Events>>(event: E, listener: (...args: Args<Events, E>) => void): this
  on<E extends keyof Events>(event: E, listener: Narrow<Events, E>): this
  addListener<E extends Name<Events>>(event: E, listener: (...args: Args<Events, E>) => void): this
  addListener<E extends keyof Events>(event: E, listener: Narrow<Events, E>): this
  once<E extends Name<Events>>(event: E, listener: (...args: Args<Events, E>) => void): this
  once<E extends keyof Events>(event: E, listener: Narrow<Events, E>): this
  prependListener<E extends Name<Events>>(event: E, listener: (...args: Args<Events, E>) => void): this
  prependListener<E extends keyof Events>(event: E, listener: Narrow<Events, E>): this
  prependOnceListener<E extends Name<Events>>(event: E, listener: (...args: Args<Events, E>) => void): this
  prependOnceListener<E extends keyof Events>(event: E, listener: Narrow<Events, E>): this
  off<E extends Name<Events>>(event: E, listener: (...args: Args<Events, E>) => void): this
  off<E extends keyof Events>(event: E, listener: Narrow<Events, E>): this
  removeListener<E extends Name<Events>>(event: E, listener: (...args: Args<Events, E>) => void): this
  removeListener<E extends keyof Events>(event: E, listener: Narrow<Events, E>): this
  emit<E extends Name<Events>>(event: E, ...args: Args<Events, E>): boolean
}
