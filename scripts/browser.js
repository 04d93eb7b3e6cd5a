'use strict'

// `npm run test:browser`: the status page in headless Chromium, as on a phone. Installs Debian's
// Chromium when there is none. `--screenshot`: writes docs/status-page.png as well.

const assert = require('assert')
const { spawn, spawnSync } = require('child_process')
const fs = require('fs')
const os = require('os')
const path = require('path')
const Ws = require('ws')
const { Grape } = require('..')

const root = path.join(__dirname, '..')
const PHONE = { width: 390, height: 844, deviceScaleFactor: 2, mobile: true }
const LIMIT = 30000

/** What keeps Chromium from looking for its makers, in a place without a network. */
const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--remote-debugging-port=0', 'about:blank'
]

function findChromium () {
  const installed = () => ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
    .concat(process.env.CHROMIUM || []).reverse().find(file => fs.existsSync(file))
  if (installed() === undefined) {
    for (const args of [['update', '-qq'], ['install', '-y', '-qq', 'chromium']]) {
      const { status, error } = spawnSync('apt-get', args, { stdio: 'inherit' })
      if (error || status !== 0) throw new Error('there is no Chromium: install one, or name it in CHROMIUM')
    }
  }
  return installed()
}

/** Starts a browser with a folder of its own; resolves with `{ url, stop }`, `url` for DevTools. */
function startBrowser () {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grape-browser-'))
  const child = spawn(findChromium(), [`--user-data-dir=${folder}`, ...FLAGS], { stdio: ['ignore', 'ignore', 'pipe'] })
  const stop = () => new Promise(resolve => {
    child.once('close', () => {
      fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
      resolve()
    })
    child.kill()
  })
  return new Promise((resolve, reject) => {
    let output = ''
    child.stderr.setEncoding('utf8').on('data', text => {
      output += text
      const [, url] = /DevTools listening on (ws:\S+)/.exec(output) || []
      if (url) resolve({ url, stop })
    })
    child.once('close', code => reject(new Error(`Chromium ended with ${code}:\n${output}`)))
  })
}

/** A page, by Chromium's DevTools protocol. */
class Page {
  static async open (browserUrl) {
    const { host } = new URL(browserUrl)
    const targets = await (await fetch(`http://${host}/json/list`)).json()
    const page = new Page()
    page.requests = []
    page._calls = new Map()
    page._socket = new Ws(targets.find(target => target.type === 'page').webSocketDebuggerUrl)
    page._socket.on('message', text => {
      const { id, method, params, result, error } = JSON.parse(text)
      if (method === 'Network.requestWillBeSent') page.requests.push(params.request.url)
      const call = page._calls.get(id)
      if (call) error ? call.reject(new Error(error.message)) : call.resolve(result)
    })
    await new Promise((resolve, reject) => page._socket.once('open', resolve).once('error', reject))
    return page
  }

  call (method, params = {}) {
    const id = this._calls.size + 1
    this._socket.send(JSON.stringify({ id, method, params }))
    return new Promise((resolve, reject) => this._calls.set(id, { resolve, reject }))
  }

  async evaluate (expression) {
    const { result } = await this.call('Runtime.evaluate', { expression, returnByValue: true })
    return result.value
  }

  /** Resolves once `expression` is true; the page may load again meanwhile. */
  async until (expression) {
    const end = Date.now() + LIMIT
    for (;;) {
      const value = await this.evaluate(expression).catch(() => false)
      if (value === true) return
      if (Date.now() > end) throw new Error(`waited too long for ${expression}`)
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }

  close () {
    this._socket.close()
  }
}

const call = (grape, method, ...args) => new Promise((resolve, reject) => {
  grape[method](...args, (err, res) => err ? reject(err) : resolve(res))
})

/** Two grapes that know each other; resolves with them. */
async function startGrapes () {
  const first = new Grape({ host: '127.0.0.1', dht_port: 0, api_port: 0 })
  await call(first, 'start')
  const second = new Grape({
    host: '127.0.0.1', dht_port: 0, api_port: 0, dht_bootstrap: [first.address().dht]
  })
  await call(second, 'start')
  await new Promise(resolve => second.once('ready', resolve))
  return [first, second]
}

async function main () {
  const grapes = await startGrapes()
  const [first, second] = grapes
  for (const [name, port] of [['rest:util:net', 1337], ['rpc_orders', 7001], ['rpc_orders', 7002], ['pub_prices', 7010]]) {
    await call(second, 'announce', name, port)
  }
  await call(second, 'announce', `a-name-without-a-break-${'x'.repeat(200)}`, 7020)
  await call(second, 'announce', '<script>document.title = "broken"</script>', 7021)
  await call(second, 'put', { v: 'hello' })

  const browser = await startBrowser()
  try {
    const page = await Page.open(browser.url)
    const url = `http://${first.address().api}/`
    await page.call('Network.enable')
    await page.call('Emulation.setDeviceMetricsOverride', PHONE)
    await page.call('Page.navigate', { url })
    await page.until('document.querySelectorAll("#services td").length > 0')

    const text = await page.evaluate('document.body.innerText')
    for (const part of ['rest:util:net', '127.0.0.1:7002', 'pub_prices', second.address().dht, '<script>']) {
      assert(text.includes(part), `the page does not show ${part}:\n${text}`)
    }
    assert.match(await page.evaluate('document.title'), /^Grape 127\.0\.0\.1:\d+$/)
    assert.strictEqual(await page.evaluate('innerWidth'), PHONE.width)
    assert(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'the page is wider than a phone')
    assert(await page.evaluate('parseFloat(getComputedStyle(document.body).fontSize) >= 16'), 'the text is small')

    await call(second, 'announce', 'a later one', 7030)
    await page.until('document.body.innerText.includes("a later one")')
    assert.deepStrictEqual([...new Set(page.requests)], [url], 'the page loads something else')

    if (process.argv.includes('--screenshot')) {
      await call(second, 'unannounce', `a-name-without-a-break-${'x'.repeat(200)}`, 7020)
      await call(second, 'unannounce', '<script>document.title = "broken"</script>', 7021)
      await call(second, 'unannounce', 'a later one', 7030)
      await page.until('!document.body.innerText.includes("a later one")')
      const { data } = await page.call('Page.captureScreenshot', { format: 'png' })
      fs.writeFileSync(path.join(root, 'docs', 'status-page.png'), Buffer.from(data, 'base64'))
    }
    page.close()
  } finally {
    await browser.stop()
    await Promise.all(grapes.map(grape => call(grape, 'stop')))
  }
  console.log('1 passed')
}

main().catch(err => {
  console.error(err)
  process.exit(1)
})
