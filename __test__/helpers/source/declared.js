'use strict'

// What the types declare, as TypeScript understands them: members with those that are inherited.

const path = require('path')
const ts = require('typescript')
const { ROOT } = require('./source')

/** `{ checker, exported }` of a file of types; `exported(name)` is the symbol that leaves it under a name. */
function program (file) {
  const name = path.join(ROOT, file)
  const made = ts.createProgram([name], { strict: true, noEmit: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, types: ['node'], typeRoots: [path.join(ROOT, 'node_modules', '@types')] })
  const checker = made.getTypeChecker()
  const symbols = new Map(checker.getExportsOfModule(checker.getSymbolAtLocation(made.getSourceFile(name))).map(symbol => [symbol.name, symbol]))
  return {
    checker,
    exported (name) {
      const symbol = symbols.get(name)
      if (symbol === undefined) throw new Error(`${file}: no ${name}`)
      return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
    }
  }
}

/** A symbol's name as it is written: `[Symbol.dispose]`. */
const written = ({ name }) => name.replace(/^__@(\w+)@\d+$/, '[Symbol.$1]')

/** The files of the package's own types; what Node declares is not ours. */
const isOurs = declaration => !declaration.getSourceFile().fileName.includes('node_modules')

class Declared {
  constructor (file = 'index.d.ts') {
    Object.assign(this, program(file))
  }

  _properties (name) {
    const type = this.checker.getDeclaredTypeOfSymbol(this.exported(name))
    return this.checker.getPropertiesOfType(this.checker.getApparentType(type))
  }

  /** The members of a class, an interface or an object type, without those of EventEmitter. */
  members (name) {
    return this._properties(name).filter(symbol => (symbol.declarations || []).some(isOurs)).map(written)
      .filter(member => !OF_EMITTERS.includes(member))
  }

  /** The same, with what it takes over from types of Node's. */
  allMembers (name) {
    return this._properties(name).map(written)
  }

  /** The comments of a type's members, by name. */
  comments (name) {
    return new Map(this._properties(name)
      .map(symbol => [written(symbol), ts.displayPartsToString(symbol.getDocumentationComment(this.checker))]))
  }
}

const OF_EMITTERS = ['on', 'once', 'off', 'emit', 'addListener', 'removeListener', 'prependListener', 'prependOnceListener']

module.exports = { Declared, OF_EMITTERS }
