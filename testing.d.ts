import { Grape, GrapeConf } from './index'

/** Grapes that know each other, on free ports of the loopback interface. */
export interface TestGrapes {
  grapes: Grape[]
  /** The address of each grape, for `new Link({ grape })`. */
  urls: string[]
  /** The address of the first one. */
  url: string
  /** Stops all grapes and frees their ports. */
  stop(): Promise<void>
  /** `await using`: `stop`. */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Starts `count` grapes, 2 by default; resolves when each knows all others. `conf` applies to all.
 */
export function testGrapes(count?: number, conf?: Partial<GrapeConf>): Promise<TestGrapes>
