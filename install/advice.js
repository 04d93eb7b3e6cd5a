'use strict'

// Advice for each reason why the addon cannot be loaded. Nothing here may throw, not even in a bundle, which does not
// have this package's files.

const fs = require('fs')
const path = require('path')
const { name, version, optionalDependencies = {} } = require('../package.json')
const { platformOf } = require('./platform')

/** This package's folder; does not exist in a bundle. */
const root = typeof __dirname === 'string' ? path.join(__dirname, '..') : undefined

/** The oldest Rust that builds the addon. */
function rustVersion () {
  try {
    return /^rust-version = "(.*)"$/m.exec(fs.readFileSync(path.join(root, 'Cargo.toml'), 'utf8'))[1]
  } catch {
    return 'stable'
  }
}

/**
 * Facts about this process and its node_modules.
 * @param {Error} [err] the exception of binding.js
 * @param {string} [found] version of an addon that does not match
 */
function factsOf (err, found) {
  return {
    machine: platformOf(),
    prebuilt: Object.keys(optionalDependencies).filter(each => each.startsWith(`${name}-`)).map(suffix),
    installed: installed(),
    isBundle: isBundle(),
    hasPermissions: process.permission !== undefined,
    isDeno: process.versions.deno !== undefined,
    override: process.env.NAPI_RS_NATIVE_LIBRARY_PATH,
    found,
    failure: chain(err?.cause).find(({ message }) => !ABSENT.test(message))
  }
}

/** Messages of node, yarn and bundlers about a missing file. */
const ABSENT = /^(Required package|Missing package|Not found): |^Cannot find (module|package)|^Unsupported (OS|architecture)|dynamic(ally)? require|^require is not defined/im

/** binding.js keeps only the message of each error. */
const says = ({ failure }, pattern) => failure !== undefined && pattern.test(failure.message)

const suffix = each => each.slice(name.length + 1)

function chain (err) {
  return err instanceof Error ? [err, ...chain(err.cause)] : []
}

/* global __webpack_require__ */
function isBundle () {
  return root === undefined || typeof __webpack_require__ === 'function' || !fs.existsSync(path.join(root, 'binding.js'))
}

/** The platforms whose addon is installed; unknown in a bundle. */
function installed () {
  const own = new RegExp(`^${name}[.-]([a-z]\\w+-\\w+(-[a-z]+)?)(-npm-.*|\\.node)?$`)
  // Beside this package, below it, and where yarn has no node_modules.
  const folders = root === undefined ? [] : ['..', 'node_modules', '../../..'].map(each => path.join(root, each))
  const packages = folders.flatMap(list)
  const files = root === undefined ? [] : list(root).filter(file => file.endsWith('.node'))
  return [...new Set([...packages, ...files].map(file => own.exec(file)).filter(Boolean).map(([, kind]) => kind))].sort()
}

function list (folder) {
  try {
    return fs.readdirSync(folder)
  } catch {
    return []
  }
}

const DISABLED = /loading addons is disabled/

const REINSTALL = `Install the service's packages again on a machine of this kind: remove node_modules, then run \`npm install\` (\`pnpm install\`, \`yarn\`).
A folder for several kinds of machines needs the addons of all: \`npm install --os=linux --cpu=x64 --libc=musl\`; \`supportedArchitectures\` with pnpm and yarn.`

const LEFT_OUT = machine => `Its package ${name}-${machine} is an optional dependency. Install it:

  - without \`--omit=optional\` or \`--no-optional\` (pnpm: \`--no-optional\`; yarn 1: \`--ignore-optional\`; \`omit=optional\` in .npmrc);
  - or, as npm forgets optional packages of other systems in package-lock.json (npm/cli#4828): remove node_modules and package-lock.json, then run \`npm install\`.`

/**
 * The kinds of failure with their names and remedies; the first match is used. `builds`: building the addon helps as
 * well.
 */
const CAUSES = [
  {
    fits: facts => says(facts, DISABLED) && facts.hasPermissions,
    why: () => 'Node\'s permission model refuses addons',
    advice: () => 'Add `--allow-addons` to node\'s options.'
  },
  {
    fits: facts => says(facts, DISABLED),
    why: () => '`--no-addons` is in effect',
    advice: () => 'Remove `--no-addons` from node\'s options, from NODE_OPTIONS, and from `execArgv` of the worker.'
  },
  {
    fits: facts => says(facts, /^Access to this API has been restricted/),
    why: () => 'Node\'s permission model refuses to read it',
    advice: () => 'Add `--allow-addons` and `--allow-fs-read` of the folder node_modules to node\'s options.'
  },
  {
    fits: facts => facts.isDeno && says(facts, /ffi access|NotCapable/),
    why: () => 'Deno\'s permissions refuse addons',
    advice: () => 'Add `--allow-ffi` to deno\'s options.'
  },
  {
    fits: ({ override }) => override !== undefined,
    why: ({ failure, override }) => `NAPI_RS_NATIVE_LIBRARY_PATH names ${override}: ${failure?.message || 'there is no such file'}`,
    advice: () => 'Remove that variable from the environment, or correct it.'
  },
  {
    fits: ({ found }) => found !== undefined,
    why: ({ found }) => `the addon that was found has version ${found}`,
    advice: () => `${name} and ${name}-* must have one version: remove node_modules, then run \`npm install\`, and see that no \`overrides\` or \`resolutions\` name one of them alone.`,
    builds: true
  },
  {
    fits: facts => says(facts, /GLIBC(XX)?_/),
    why: ({ failure }) => `this system's C library is older than the addon needs: ${failure.message}`,
    advice: () => 'The prebuilt addons need glibc 2.17 or newer. Another addon was built elsewhere: build it here.',
    builds: true
  },
  {
    fits: facts => says(facts, /Node-API version/),
    why: ({ failure }) => failure.message,
    advice: () => 'It needs Node 18.3 or newer.'
  },
  {
    fits: ({ failure }) => failure !== undefined,
    why: ({ failure }) => `the system does not load it: ${failure.message}`,
    advice: () => `The file is damaged, or was made for another processor, system or C library.\n${REINSTALL}`,
    builds: true
  },
  {
    fits: ({ isBundle }) => isBundle,
    why: () => 'it is not part of a bundle',
    advice: ({ machine }) => `Build the bundle with ${name} or, at least, ${name}-* marked as external:

    esbuild --external:${name}                 (or --external:'${name}-*')
    webpack: externals: { '${name}': 'commonjs ${name}' }
    rollup:  external: ['${name}']

and have that package in a node_modules above the bundle where it runs: ${name}-${machine} is the addon.
node_modules/${name}/docs/BUNDLING.md has every way, also with the addon beside the bundle.`
  },
  {
    fits: ({ installed, machine }) => installed.length > 0 && !installed.includes(machine),
    why: ({ installed, machine }) => `node_modules was installed for ${installed.join(', ')}, and this is ${machine}`,
    advice: () => REINSTALL,
    builds: true
  },
  {
    fits: ({ prebuilt, machine, hasPermissions }) => prebuilt.includes(machine) && hasPermissions,
    why: ({ machine }) => `${name}-${machine} is not installed, or Node's permission model hides it`,
    advice: ({ machine }) => `Add \`--allow-addons\` and \`--allow-fs-read\` of the folder node_modules to node's options.\n${LEFT_OUT(machine)}`,
    builds: true
  },
  {
    fits: ({ prebuilt, machine }) => prebuilt.includes(machine),
    why: ({ machine }) => `${name}-${machine} is not installed`,
    advice: ({ machine }) => LEFT_OUT(machine),
    builds: true
  },
  {
    fits: ({ prebuilt }) => prebuilt.length > 0,
    why: ({ machine }) => `none is prebuilt for ${machine}`,
    advice: ({ prebuilt }) => `Addons are prebuilt for ${prebuilt.join(', ')}.`,
    builds: true
  },
  {
    fits: () => true,
    why: () => 'this copy of the package, which is not from the npm registry, names no prebuilt ones',
    advice: () => '',
    builds: true
  }
]

/** How to build the addon. */
const buildAdvice = () => `To build it, which takes a minute or two, get Rust ${rustVersion()} or newer from https://rustup.rs or your system's packages, then run in the service's folder:

    npx -p ${name} grenache-build

which serves every copy of the package below that folder. Without npx:

    node ${path.join(root, 'bin', 'grenache-build.js')}`

/** The message for the facts of an error: the cause and the remedy. */
function advice (facts) {
  const cause = CAUSES.find(({ fits }) => fits(facts))
  const parts = [
    `${name} ${version} cannot load its native addon (${facts.machine}): ${cause.why(facts).replace(/\.$/, '')}.`,
    cause.advice(facts),
    cause.builds && !facts.isBundle && buildAdvice()
  ]
  return parts.filter(Boolean).join('\n\n') + '\n'
}

module.exports = { advice, buildAdvice, factsOf, rustVersion }
