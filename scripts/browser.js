'use strict'

// `npm run test:browser`: in headless Chromium the status page, in phone and desktop size, and
// pages of other sites that attack the API. Installs Debian's Chromium if there is none.
// `--screenshot`: writes docs/status-page.png as well.

const assert = require('assert')
const fs = require('fs')
const http = require('http')
const path = require('path')
const axe = require('axe-core')
const Ws = require('ws')
const { Grape } = require('..')
const { launch } = require('./browser/chromium')

const root = path.join(__dirname, '..')
const PHONE = { width: 390, height: 844, deviceScaleFactor: 2, mobile: true }
const DESK = { width: 1280, height: 800, deviceScaleFactor: 1, mobile: false }
const LIMIT = 30000

/** A site whose name server returns the address of its reader's machine (DNS rebinding). */
const REBOUND = 'rebound.example'

const FLAGS = [`--host-resolver-rules=MAP ${REBOUND} 127.0.0.1`, 'about:blank']

/** Starts a browser; resolves with `{ url, stop }`, `url` for DevTools. */
function startBrowser () {
  const { child, stop } = launch(FLAGS)
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

/** A page, controlled by Chromium's DevTools protocol. */
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
    const { result, exceptionDetails } = await this.call('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true })
    if (exceptionDetails) throw new Error(exceptionDetails.exception.description)
    return result.value
  }

  /** Resolves when `expression` is true; the page may reload meanwhile. */
  async until (expression) {
    const end = Date.now() + LIMIT
    for (;;) {
      const value = await this.evaluate(expression).catch(() => false)
      if (value === true) return
      if (Date.now() > end) throw new Error(`waited too long for ${expression}`)
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }

  /** Navigates there, and resolves when it is loaded. */
  async go (url) {
    const { loaderId, errorText } = await this.call('Page.navigate', { url })
    if (errorText) throw new Error(`${url}: ${errorText}`)
    await this.until(`document.readyState === 'complete' && location.href.startsWith(${JSON.stringify(url)})`)
    return loaderId
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

/** The status page shows the expected content, and updates itself. */
async function showsStatus (page, [first, second]) {
  const url = `http://${first.address().api}/`
  page.requests = []
  await page.call('Emulation.setDeviceMetricsOverride', PHONE)
  await page.go(url)
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

  // An address fits one line, and a filtered page updates itself too.
  const lines = 'Math.max(...[...document.querySelectorAll("td + td")].map(cell => cell.getClientRects().length * cell.offsetHeight / parseFloat(getComputedStyle(cell).lineHeight)))'
  assert(await page.evaluate(lines.replace('cell.offsetHeight', '(() => { const range = document.createRange(); range.selectNodeContents(cell); return range.getBoundingClientRect().height })()')) < 1.5, 'an address is broken')
  await page.evaluate('(() => { const input = document.querySelector("[type=search]"); input.value = "RPC_orders"; input.dispatchEvent(new Event("change")) })()')
  await page.until('location.search === "?filter=RPC_orders" && document.querySelectorAll("#services td").length === 6')
  await call(second, 'announce', 'rpc_orders', 7003)
  await page.until('document.querySelectorAll("#services td").length === 9')
  await page.evaluate('(() => { const input = document.querySelector("[type=search]"); input.value = ""; input.dispatchEvent(new Event("change")) })()')
  await page.until('location.search === "" && document.querySelectorAll("#services td").length > 9')
  await call(second, 'unannounce', 'rpc_orders', 7003)

  // Switched off, it does not update the page.
  await page.evaluate('document.querySelector("#live").click()')
  const asked = page.requests.length
  await new Promise(resolve => setTimeout(resolve, 6000))
  assert.strictEqual(page.requests.length, asked)
}

/** Accessibility: light and dark, in phone and desktop size, with and without other nodes. */
async function isAccessible (page, [first], alone) {
  for (const scheme of ['light', 'dark']) {
    await page.call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] })
    for (const metrics of [PHONE, DESK]) {
      await page.call('Emulation.setDeviceMetricsOverride', metrics)
      for (const grape of [first, alone]) {
        await page.go(`http://${grape.address().api}/`)
        await page.evaluate(`${axe.source}; 0`)
        const { violations, passes } = await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')
        const found = violations.flatMap(({ id, nodes }) => nodes.map(node => `${id}: ${node.html} ${node.failureSummary}`))
        assert.deepStrictEqual(found, [], `${scheme}, ${metrics.width}`)
        assert(passes.length > 10, 'axe looked at little')
      }
    }
  }
}

/** Attempts of another site's page against a grape; each settles, with any result. */
const ATTACK = `async api => {
  const bodies = ['fetched', 'beaconed', 'formed'].map(name => JSON.stringify({ data: [name, 80] }))
  const tries = [
    fetch(api + '/announce', { method: 'POST', mode: 'no-cors', body: bodies[0] }),
    fetch(api + '/announce', { method: 'POST', mode: 'no-cors', credentials: 'include', referrerPolicy: 'no-referrer', body: bodies[0] }),
    fetch(api + '/announce', { method: 'POST', headers: { 'content-type': 'application/json' }, body: bodies[0] }),
    fetch(api + '/put', { method: 'POST', mode: 'no-cors', body: '{"data":{"v":"stolen"}}' }),
    fetch(api + '/unannounce', { method: 'POST', mode: 'no-cors', body: '{"data":["honest",80]}' }),
    fetch(api + '/lookup', { method: 'POST', body: '{"data":"honest"}' }).then(answer => answer.text()),
    fetch(api + '/status').then(answer => answer.text()),
    fetch(api + '/announce?' + bodies[0], { mode: 'no-cors' })
  ]
  navigator.sendBeacon(api + '/announce', bodies[1])
  // A body that is JSON, of a form without a script.
  const frame = document.createElement('iframe')
  frame.name = 'target'
  const sandboxed = document.createElement('iframe')
  const form = document.createElement('form')
  Object.assign(form, { method: 'POST', action: api + '/announce', enctype: 'text/plain', target: 'target' })
  const field = document.createElement('input')
  field.name = bodies[2].slice(0, -1) + ',"more":"'
  field.value = '"}'
  form.append(field)
  document.body.append(frame, form)
  const submitted = new Promise(resolve => { frame.onload = resolve })
  form.submit()
  // Its origin is null.
  sandboxed.sandbox = 'allow-scripts allow-forms'
  sandboxed.srcdoc = '<script>fetch(' + JSON.stringify(api + '/announce') + ', { method: "POST", mode: "no-cors", body: ' + JSON.stringify(bodies[0]) + ' }).finally(() => parent.postMessage("done", "*"))</' + 'script>'
  const done = new Promise(resolve => { onmessage = resolve })
  document.body.append(sandboxed)
  const framed = document.createElement('iframe')
  framed.src = api + '/'
  document.body.append(framed)
  const results = await Promise.allSettled(tries)
  await Promise.all([submitted, done])
  return results.map(({ status, value }) => typeof value === 'string' ? value : value ? value.type + ' ' + value.status : status)
}`

/**
 * Pages of another site, of another port of this machine, and of a name that resolves to this
 * machine.
 */
async function refusesPages (page, grape) {
  const port = +grape.address().api.split(':').pop()
  const site = http.createServer((req, res) => res.setHeader('content-type', 'text/html').end('<!doctype html><title>evil</title>'))
  await new Promise(resolve => site.listen(0, '127.0.0.1', resolve))
  const at = site.address().port
  await call(grape, 'announce', 'honest', 80)
  try {
    // The browser lets pages of the last kind read the response, since their origin is the API's.
    for (const [from, api] of [
      [`http://127.0.0.1:${at}/`, `http://127.0.0.1:${port}`],
      [`http://localhost:${at}/`, `http://127.0.0.1:${port}`],
      [`http://${REBOUND}:${at}/`, `http://127.0.0.1:${port}`],
      [`http://${REBOUND}:${at}/`, `http://${REBOUND}:${port}`],
      [`http://${REBOUND}:${port}/status`, '']
    ]) {
      await page.go(from)
      const results = await page.evaluate(`(${ATTACK})(${JSON.stringify(api)} || location.origin)`)
      const seen = results.filter(result => !/^(rejected|opaque 0|basic 403|"ERR_GRAPE_(HOST|ORIGIN)")$/.test(result))
      assert.deepStrictEqual(seen, [], from)
      for (const name of ['fetched', 'beaconed', 'formed']) {
        assert.deepStrictEqual(await call(grape, 'lookup', name), [], `${from}: ${name}`)
      }
      assert.deepStrictEqual(await call(grape, 'lookup', 'honest'), ['127.0.0.1:80'], from)
      const { values, names } = await (await fetch(`http://127.0.0.1:${port}/status`)).json()
      assert.deepStrictEqual([values, names], [0, 1], from)
    }
    // A link on another site still leads to the page.
    await page.go(`http://${REBOUND}:${at}/`)
    await page.evaluate(`location.href = "http://127.0.0.1:${port}/"; 0`)
    await page.until('document.title.startsWith("Grape")')
  } finally {
    site.closeAllConnections()
    site.close()
  }
}

async function main () {
  const grapes = await startGrapes()
  const [first, second] = grapes
  const alone = new Grape({ host: '127.0.0.1', dht_port: 0, api_port: 0, embedded: true, dht_bootstrap: ['127.0.0.1:1'] })
  await call(alone, 'start')
  grapes.push(alone)
  for (const [name, port] of [['rest:util:net', 1337], ['rpc_orders', 7001], ['rpc_orders', 7002], ['pub_prices', 7010]]) {
    await call(second, 'announce', name, port)
  }
  await call(second, 'announce', `a-name-without-a-break-${'x'.repeat(200)}`, 7020)
  await call(second, 'announce', '<script>document.title = "broken"</script>', 7021)
  await call(second, 'put', { v: 'hello' })

  const browser = await startBrowser()
  try {
    const page = await Page.open(browser.url)
    await page.call('Network.enable')
    const cases = [() => showsStatus(page, grapes), () => isAccessible(page, grapes, alone), () => refusesPages(page, alone)]
    for (const one of cases) await one()

    if (process.argv.includes('--screenshot')) {
      await page.call('Emulation.setEmulatedMedia', { features: [] })
      await page.call('Emulation.setDeviceMetricsOverride', PHONE)
      await page.go(`http://${first.address().api}/`)
      await call(second, 'unannounce', `a-name-without-a-break-${'x'.repeat(200)}`, 7020)
      await call(second, 'unannounce', '<script>document.title = "broken"</script>', 7021)
      await call(second, 'unannounce', 'a later one', 7030)
      await page.until('!document.body.innerText.includes("a later one")')
      const { data } = await page.call('Page.captureScreenshot', { format: 'png' })
      fs.writeFileSync(path.join(root, 'docs', 'status-page.png'), Buffer.from(data, 'base64'))
    }
    page.close()
    console.log(`${cases.length} passed`)
  } finally {
    await browser.stop()
    await Promise.all(grapes.map(grape => call(grape, 'stop')))
  }
}

main().catch(err => {
  console.error(err)
  process.exit(1)
})
