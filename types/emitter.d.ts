// Events with known arguments: for the other files, not for services.

import { EventEmitter } from 'events'

export {}

/** Excludes the names in `Events`, so that their own overload decides; accepts every other name. */
type Unlisted<Events, E> = E extends keyof Events ? never : E

type Args<Events, E extends keyof Events> = Events[E] extends any[] ? Events[E] : never

/**
 * A listener for one of the possible argument types of an event: a service that publishes only text
 * gets only strings.
 */
type Narrow<Events, E extends keyof Events> =
  Events[E] extends [data: infer Arg, dest?: string] ? (Arg extends any ? (arg: Arg, dest?: string) => void : never) : never

/**
 * An EventEmitter whose events have known arguments. Events with other names, a service's own, have
 * any arguments.
 */
export class TypedEmitter<Events> extends EventEmitter {
  on<E extends keyof Events>(event: E, listener: (...args: Args<Events, E>) => void): this
  on<E extends string | symbol>(event: Unlisted<Events, E>, listener: (...args: any[]) => void): this
  on<E extends keyof Events>(event: E, listener: Narrow<Events, E>): this
  addListener<E extends keyof Events>(event: E, listener: (...args: Args<Events, E>) => void): this
  addListener<E extends string | symbol>(event: Unlisted<Events, E>, listener: (...args: any[]) => void): this
  addListener<E extends keyof Events>(event: E, listener: Narrow<Events, E>): this
  once<E extends keyof Events>(event: E, listener: (...args: Args<Events, E>) => void): this
  once<E extends string | symbol>(event: Unlisted<Events, E>, listener: (...args: any[]) => void): this
  once<E extends keyof Events>(event: E, listener: Narrow<Events, E>): this
  prependListener<E extends keyof Events>(event: E, listener: (...args: Args<Events, E>) => void): this
  prependListener<E extends string | symbol>(event: Unlisted<Events, E>, listener: (...args: any[]) => void): this
  prependListener<E extends keyof Events>(event: E, listener: Narrow<Events, E>): this
  prependOnceListener<E extends keyof Events>(event: E, listener: (...args: Args<Events, E>) => void): this
  prependOnceListener<E extends string | symbol>(event: Unlisted<Events, E>, listener: (...args: any[]) => void): this
  prependOnceListener<E extends keyof Events>(event: E, listener: Narrow<Events, E>): this
  off<E extends keyof Events>(event: E, listener: (...args: Args<Events, E>) => void): this
  off<E extends string | symbol>(event: Unlisted<Events, E>, listener: (...args: any[]) => void): this
  off<E extends keyof Events>(event: E, listener: Narrow<Events, E>): this
  removeListener<E extends keyof Events>(event: E, listener: (...args: Args<Events, E>) => void): this
  removeListener<E extends string | symbol>(event: Unlisted<Events, E>, listener: (...args: any[]) => void): this
  removeListener<E extends keyof Events>(event: E, listener: Narrow<Events, E>): this
  emit<E extends keyof Events>(event: E, ...args: Args<Events, E>): boolean
  emit<E extends string | symbol>(event: Unlisted<Events, E>, ...args: any[]): boolean
}
