import { Grape, GrapeConf } from './index'

/** Grapes that know each other, on free ports of the loopback interface. */
export interface TestGrapes {
  grapes: Grape[]
  /** Addresses for `new Link({ grape })`, of each grape. */
  urls: string[]
  /** The first one's. */
  url: string
  /** Frees their ports. */
  stop(): Promise<void>
  /** `await using`: `stop`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts so many grapes, 2 by default; resolves when each knows all others. `conf` is that of all. */
export function testGrapes(count?: number, conf?: Partial<GrapeConf>): Promise<TestGrapes>
