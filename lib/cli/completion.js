'use strict'

// Shell completion scripts.

const { COMMON } = require('./arguments')
const { usageError } = require('./failure')

/** Options whose value is a file. */
const FILES = ['ca', 'cert', 'key']

const SHELLS = { bash, zsh, fish }

/** `commands()` returns all subcommands, this one among them. */
module.exports = commands => ({
  name: 'completion',
  args: '<shell>',
  help: 'prints a script for bash, zsh or fish, which then completes commands and options',
  details: [
    'bash: source <(grenache completion bash)',
    'zsh:  source <(grenache completion zsh), after compinit',
    'fish: grenache completion fish | source'
  ],
  async run (session, shell) {
    if (!Object.hasOwn(SHELLS, shell)) throw usageError(`${shell}: bash, zsh or fish is wanted`)
    process.stdout.write(SHELLS[shell](commands()))
  }
})

const optionsOf = ({ options = {} }) => Object.keys({ ...options, ...COMMON }).map(name => `--${name}`)
const files = () => FILES.map(name => `--${name}`).join('|')

/** Finds the subcommand among the words before, skipping values of options. */
const FIND = `local word command= skip=
  for word in "\${before[@]}"; do
    if [[ -n $skip ]]; then skip=; continue; fi
    case $word in
      VALUED) skip=1 ;;
      -*) ;;
      *) command=$word; break ;;
    esac
  done`

const find = commands => FIND.replace('VALUED', [...new Set([COMMON, ...commands.map(({ options = {} }) => options)]
  .flatMap(options => Object.entries(options)).filter(([, { value }]) => value).map(([name]) => `--${name}`))].join('|'))

function bash (commands) {
  return `_grenache() {
  local current=\${COMP_WORDS[COMP_CWORD]}
  local before=("\${COMP_WORDS[@]:1:COMP_CWORD-1}")
  COMPREPLY=()
  case \${COMP_WORDS[COMP_CWORD-1]} in
    ${files()}) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  ${find(commands)}
  local words=
  case $command in
    '') words='${[...commands.map(({ name }) => name), 'help', 'version', ...optionsOf({}), '--version'].join(' ')}' ;;
    completion) words='${Object.keys(SHELLS).join(' ')}' ;;
${commands.filter(({ name }) => name !== 'completion').map(command => `    ${command.name}) words='${optionsOf(command).join(' ')}' ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _grenache grenache
`
}

function zsh (commands) {
  const quoted = text => `'${text.replaceAll("'", "'\\''")}'`
  return `_grenache() {
  local -a before=("\${(@)words[2,CURRENT-1]}") commands
  commands=(
${commands.map(({ name, help }) => `    ${quoted(`${name}:${help}`)}`).join('\n')}
  )
  case $words[CURRENT-1] in
    ${files()}) _files; return ;;
  esac
  ${find(commands)}
  case $command in
    '') _describe -t commands command commands; compadd -- ${optionsOf({}).join(' ')} --version ;;
    completion) compadd -- ${Object.keys(SHELLS).join(' ')} ;;
${commands.filter(({ name }) => name !== 'completion').map(command => `    ${command.name}) compadd -- ${optionsOf(command).join(' ')} ;;`).join('\n')}
  esac
}
compdef _grenache grenache
`
}

function fish (commands) {
  const quoted = text => `'${text.replace(/[\\']/g, '\\$&')}'`
  const line = (condition, name, { value, help, short }) => [
    'complete -c grenache', ...condition ? [`-n ${quoted(condition)}`] : [], `-l ${name}`, ...short ? [`-s ${short}`] : [],
    ...value ? [FILES.includes(name) ? '-r -F' : '-x'] : [], `-d ${quoted(help)}`
  ].join(' ')
  return [
    'complete -c grenache -f',
    ...commands.map(({ name, help }) => `complete -c grenache -n __fish_use_subcommand -a ${name} -d ${quoted(help)}`),
    `complete -c grenache -n ${quoted('__fish_seen_subcommand_from completion')} -a ${quoted(Object.keys(SHELLS).join(' '))}`,
    ...Object.entries(COMMON).map(([name, option]) => line('', name, option)),
    ...commands.flatMap(({ name, options = {} }) => Object.entries(options)
      .map(([option, value]) => line(`__fish_seen_subcommand_from ${name}`, option, value))),
    ''
  ].join('\n')
}
