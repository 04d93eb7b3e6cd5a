'use strict'

// Chromium without a window, with a profile of its own.

const { spawn, spawnSync } = require('child_process')
const { once } = require('events')
const fs = require('fs')
const os = require('os')
const path = require('path')

/** Options that keep Chromium from contacting its vendor, in an environment without a network. */
const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--remote-debugging-port=0'
]

const installed = () => ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
  .concat(process.env.CHROMIUM || []).reverse().find(file => fs.existsSync(file))

/** The path of Chromium; installs Debian's if there is none. */
function findChromium () {
  if (installed() === undefined) {
    for (const args of [['update', '-qq'], ['install', '-y', '-qq', 'chromium']]) {
      const { status, error } = spawnSync('apt-get', args, { stdio: 'inherit' })
      if (error || status !== 0) throw new Error('there is no Chromium: install one, or name it in CHROMIUM')
    }
  }
  return installed()
}

/** Starts Chromium; returns `{ child, stop }`. `stop` resolves when it has ended, and its profile is removed. */
function launch (args) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grenache-browser-'))
  // A group of its own: its helper processes write to the profile for a while after the main one has ended.
  const child = spawn(findChromium(), [`--user-data-dir=${folder}`, ...FLAGS, ...args], { detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
  child.stderr.resume()
  const closed = once(child, 'close')
  const stop = async () => {
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch (err) {
      // It has ended already.
    }
    await closed
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 })
  }
  return { child, stop }
}

module.exports = { launch }
