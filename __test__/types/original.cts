// Compiled, never run: services as the public types of the original packages let them be written.

import { EventEmitter } from 'events'
import LinkClass = require('grenache-nodejs-ws-native/link')
import { Link } from 'grenache-nodejs-ws-native/link'
import { Grape, PeerPub, PeerRPCClient, PeerRPCServer, PeerSub, type Callback, type RPCOptions } from 'grenache-nodejs-ws-native'

const link: Link = new Link({ grape: 'http://127.0.0.1:30001', monitorTimeout: 1000, lruMaxSizeLookup: 1 })
const same: LinkClass = new LinkClass({ grape: ['http://127.0.0.1:30001'] })
const emitter: EventEmitter = link
class OwnLink extends LinkClass {
  lookup (...args: any[]): void {
    return super.lookup.apply(this, args as any)
  }
}

link.start()
link.put({ any: 'value' }, (err, hash) => {
  if (err || !hash) throw err
  link.get(hash, (failed, found) => console.log(failed, found))
})
link.lookup('service', { retry: 1 }, (err, addresses) => addresses?.map(address => address.length))
link.lookup('service', (err: Error | null, addresses?: string[]) => addresses?.length)
link.announce('service', 1337, { interval: 1000, retry: 2 }, err => { if (err) throw err })
link.announce('service', 1337, () => {})
link.announce('service', 1337)
link.startAnnouncing('service', 1337, { interval: 1000 })
link.startAnnouncing('service', 1337, err => { if (err) throw err })
link.stopAnnouncing('service', 1337)

const options: RPCOptions = { timeout: 1000, retry: 2 }
const done: Callback<{ sum: number }> = (err, res) => console.log(err, res.sum)
const client = new PeerRPCClient(link, options)
client.init()
client.request<{ sum: number }>('service', { a: 1 }, options, done)
client.request<{ sum: number }>('service', { a: 1 }, {}, (err, res) => console.log(err, res?.sum))

const server = new PeerRPCServer(same, { timeout: 1000 })
server.init()
server.on('anything', () => {})
server.listen('service', (payload, cb) => cb(null, { payload }))

for (const peer of [new PeerPub(link), new PeerSub(new OwnLink(), {})]) peer.init()
new PeerSub(link, {}).on('message', (message: string) => message.toUpperCase())
new PeerSub(link, {}).on('message', (message: Buffer) => message.byteLength)
new Grape({ api_port: 0 }).on('node', (node: string) => node).on('announce', (key: string) => key)

link.stop()
emitter.removeAllListeners()
