// A service's own options.

export {}

/**
 * A service's own options: `conf` may have any, which peers keep and pass on to their transports.
 * None is declared here, so that a misspelt option is a compile error; a service declares its own.
 *
 * @example
 * import { Link, PeerRPCClient, TransportRPCClient } from 'grenache-nodejs-ws-native'
 *
 * declare module 'grenache-nodejs-ws-native' {
 *   interface OwnConf { region?: string }
 * }
 *
 * class RegionalTransport extends TransportRPCClient {
 *   describe (): string { return `${this.conf.dest} in ${this.conf.region}` }
 * }
 *
 * class RegionalClient extends PeerRPCClient<RegionalTransport> {
 *   getTransportClass () { return RegionalTransport }
 * }
 *
 * const link = new Link({ grape: 'http://127.0.0.1:30001' })
 * const client = new RegionalClient(link, { region: 'eu' })
 * client.init()
 * console.log(client.transport('127.0.0.1:1337').describe()) // 127.0.0.1:1337 in eu
 * client.stop()
 */
export interface OwnConf {}
