'use strict'

// The targets with their well-behaved peers, and the cases that are played against them.

const path = require('path')
const { asTexts, certificates } = require('../lib/certificates')
const { Ambush, attack } = require('./attackers')
const { Target } = require('./targets')

/** The targets of a role. */
const OF_ROLE = { server: ['server', 'watched'], pub: ['pub'], client: ['client'], sub: ['sub'], link: ['link'], grape: ['grape'] }
/** Targets that the witness sends requests to: the others send requests to it. */
const WATCHED = ['server', 'watched', 'pub', 'grape']
/** How long the effects of a case may take to show, in ms. */
const AFTERMATH = 1500

/** How much later than its effects a target's end may be reported, in ms. */
const GRACE = 500

/** The attacked package, unless another copy of it is named. */
const OWN = path.join(__dirname, '..', '..')

const wait = ms => new Promise(resolve => setTimeout(resolve, ms))

class Arena {
  constructor () {
    const { client, server } = certificates()
    this._secure = { client, server }
    this._texts = { client: asTexts(client), server: asTexts(server) }
    this.targets = new Map()
    this.ports = new Map()
    this.counts = { connections: 0, sent: 0, heard: 0 }
    this.cases = 0
    this._ambushes = new Map()
  }

  /**
   * Starts the targets of some roles, and their well-behaved peers. The first one to fail sets
   * `failure`.
   */
  async start (roles) {
    const good = await this._start('witness', { secure: this._texts.client })
    await Promise.all(roles.flatMap(role => OF_ROLE[role]).map(async name => {
      const asks = ['client', 'link', 'sub'].includes(name)
      const ports = await this._start(name, { good, secure: this._texts[asks ? 'client' : 'server'] })
      this.ports.set(name, ports)
      if (WATCHED.includes(name)) await this.witness.ask('watch', name === 'watched' ? 'server' : name, name, this.targets.get(name).process.pid, ports)
    }))
    this.failure = this._firstFailure()
  }

  /** A caller may notice a target's end before this process does: that end is the failure. */
  async _firstFailure () {
    const first = await Promise.race([...this.targets.values()].map(({ failure }) => failure))
    if (first.target !== this.witness) return first
    // It begins with the name of the target that did not reply.
    const unheard = this.targets.get(first.text.split(/[,:]/)[0]) || this.witness
    return Promise.race([...this.attacked.map(({ failure }) => failure), wait(GRACE).then(() => ({ target: unheard, text: `asked by who behaves: ${first.text}` }))])
  }

  get witness () {
    return this.targets.get('witness')
  }

  /** Whether the witness sends requests to any target. */
  get isWatched () {
    return WATCHED.some(name => this.targets.has(name))
  }

  /** The attacked targets. */
  get attacked () {
    return [...this.targets.values()].filter(target => target !== this.witness)
  }

  /** Plays a case in a lane: connections of different lanes are independent. */
  async play ({ target: name, door, actors, asks }, lane) {
    const target = this.targets.get(name)
    if (asks) {
      const isSecure = door === 'tls'
      const ambush = await this._ambush(`${name}, ${lane}, ${door}`, isSecure)
      ambush.set(actors)
      await target.ask('ask', `127.0.0.1:${ambush.port}`, isSecure, asks)
      ambush.set([])
    } else {
      const ports = this.ports.get(name)
      // Datagrams have another port.
      const tcp = attack(actors.filter(({ udp }) => !udp), ports[door], this.counts, this._secure.client)
      const udp = attack(actors.filter(({ udp }) => udp), ports.dht, this.counts)
      await Promise.all([tcp, udp])
    }
    this.cases++
  }

  /** Resolves with the first failure that shows after the played cases, or null. */
  aftermath () {
    return Promise.race([this.failure, wait(AFTERMATH).then(() => null)])
  }

  /** What each target holds when it is idle, by name. */
  async settle () {
    const all = await Promise.all(this.attacked.map(async target => [target.name, await target.ask('settle')]))
    return new Map(all)
  }

  /** The counters of each process, by name. */
  async read () {
    const all = await Promise.all([...this.targets.values()].map(async target => [target.name, await target.ask('counts')]))
    return new Map(all)
  }

  /** Stops all in order; resolves when they have ended by themselves. */
  async end () {
    for (const ambush of this._ambushes.values()) ambush.close()
    await this.witness.ask('leave')
    await Promise.all(this.attacked.map(target => target.end()))
    await this.witness.end()
  }

  /** Kills all in any state. */
  async kill () {
    for (const ambush of this._ambushes.values()) ambush.close()
    await Promise.all([...this.targets.values()].map(target => target.kill()))
  }

  _start (name, what) {
    const target = new Target(name, { ...what, package: process.env.FUZZ_PACKAGE || OWN })
    this.targets.set(name, target)
    return target.ready
  }

  async _ambush (name, isSecure) {
    if (!this._ambushes.has(name)) this._ambushes.set(name, new Ambush(this.counts, isSecure ? this._secure.server : undefined))
    const ambush = this._ambushes.get(name)
    await ambush.ready()
    return ambush
  }
}

module.exports = { Arena }
