'use strict'

// The name of this machine's platform, as napi-rs uses it for addons and their packages.

/** `linux-x64-gnu`, `darwin-arm64` and so on; of this machine by default. */
function platformOf ({ platform, arch, musl } = { platform: process.platform, arch: process.arch, musl: isMusl() }) {
  const abi = { linux: musl ? '-musl' : '-gnu', win32: '-msvc' }[platform] || ''
  const eabi = platform === 'linux' && arch === 'arm' ? 'eabihf' : ''
  return `${platform}-${arch}${abi}${eabi}`
}

function isMusl () {
  if (process.platform !== 'linux') return false
  // Without this the report resolves the name of every address.
  const { excludeNetwork } = process.report
  process.report.excludeNetwork = true
  const { header } = process.report.getReport()
  process.report.excludeNetwork = excludeNetwork
  return header.glibcVersionRuntime === undefined
}

module.exports = { isMusl, platformOf }
