/** The completions of a word of a command line: one source for all shells. */
import { escapeText } from '../../util/escape-text.ts'
import type { Argument, Command, Option } from 'commander'
import type { IndexedNames } from '../../database/runs.ts'

/** Paths that a shell adds itself. `command` stands for a program, or a path to one. */
export type Paths = 'none' | 'files' | 'folders' | 'command'

/** The completions of one state. */
export interface Completions {
  readonly paths: Paths
  /** Characters of the word before the part that a path completes, as in `train=data/`. */
  readonly skip: number
  /** Texts that begin as the word does, each with a description, which may be empty. */
  readonly values: readonly (readonly [text: string, description: string])[]
}

/** Names in the store. Called only where one can stand. */
export type FindNames = (outputDir: string | undefined) => readonly IndexedNames[]

/** The meaning of the placeholder of an option or argument. */
const PLACEHOLDERS: Readonly<Record<string, Paths | 'run' | 'run or path' | 'experiment' | 'tag' | 'pair'>> =
  {
    run: 'run',
    a: 'run or path',
    b: 'run or path',
    experiment: 'experiment',
    tag: 'tag',
    'name=path': 'pair',
    file: 'files',
    path: 'files',
    manifest: 'files',
    target: 'files',
    folder: 'folders',
    command: 'command',
  }

/**
 * Return the completions of a word.
 *
 * @param program With the options of the command that the first word names.
 * @param before The words after the name of the program, up to the one that is completed.
 * @param word The beginning of the word.
 */
export function completionsOf(
  program: Command,
  before: readonly string[],
  word: string,
  findNames: FindNames,
): Completions {
  const [first, ...rest] = before
  if (first === undefined) return matching(word, [...commandsOf(program), ...optionsOf(program, word)])
  if (first === 'help') return matching(word, rest.length === 0 ? commandsOf(program) : [])
  const command = program.commands.find((child) => child.name() === first)
  if (command === undefined) return NOTHING
  const state = stateBefore(command, rest)
  const names = (): readonly IndexedNames[] => findNames(state.outputDir)
  if (state.option !== undefined) return valuesOf(state.option, placeholderOf(state.option), word, names)
  const [, flag, given] = /^(--[a-z-]+)=(.*)$/s.exec(word) ?? []
  const inline = state.isOperand || flag === undefined ? undefined : optionNamed(command, flag)
  if (inline !== undefined && flag !== undefined && given !== undefined)
    return behind(`${flag}=`, valuesOf(inline, placeholderOf(inline), given, names))
  if (!state.isOperand && word.startsWith('-')) return matching(word, optionsOf(command, word))
  const { registeredArguments } = command
  const last = registeredArguments.at(-1)
  const argument = registeredArguments[state.operands] ?? (last?.variadic === true ? last : undefined)
  if (argument === undefined) return NOTHING
  // Behind the name of another program, its arguments are unknown.
  if (argument.name() === 'command' && state.operands > registeredArguments.indexOf(argument))
    return { ...NOTHING, paths: 'files' }
  return valuesOf(argument, argument.name(), word, names)
}

const NOTHING: Completions = { paths: 'none', skip: 0, values: [] }

/** The state of the arguments of a command before a word. */
interface State {
  /** The option whose value the word is. */
  readonly option: Option | undefined
  /** True after `--`, and in the words of another program: every word is an operand. */
  readonly isOperand: boolean
  /** Operands before the word. */
  readonly operands: number
  readonly outputDir: string | undefined
}

function stateBefore(command: Command, words: readonly string[]): State {
  let option: Option | undefined
  let isOperand = false
  let operands = 0
  let outputDir: string | undefined
  for (const word of words) {
    if (option !== undefined) {
      if (option.long === '--output-dir') outputDir = word
      option = undefined
    } else if (word === '--' && !isOperand) isOperand = true
    else if (isOperand || !word.startsWith('-') || word === '-') {
      operands++
      if (command.name() === 'run') isOperand = true
    } else {
      const named = optionNamed(command, word)
      if (named?.required === true) option = named
      if (word.startsWith('--output-dir=')) outputDir = word.slice('--output-dir='.length)
    }
  }
  return { option, isOperand, operands, outputDir }
}

function optionNamed(command: Command, flag: string): Option | undefined {
  return command.options.find(({ long, short }) => flag === long || flag === short)
}

function placeholderOf({ flags }: Option): string {
  return /[<[]([^>\]]+)[>\]]/.exec(flags)?.[1] ?? ''
}

function valuesOf(
  source: Option | Argument,
  placeholder: string,
  word: string,
  names: () => readonly IndexedNames[],
): Completions {
  if (source.argChoices !== undefined)
    return matching(
      word,
      source.argChoices.map((choice) => [choice, '']),
    )
  const kind = PLACEHOLDERS[placeholder] ?? 'none'
  if (kind === 'run') return matching(word, runsOf(names()))
  if (kind === 'run or path') return { ...matching(word, runsOf(names())), paths: 'files' }
  if (kind === 'experiment') return matching(word, experimentsOf(names()))
  if (kind === 'tag') return matching(word, tagsOf(names()))
  if (kind !== 'pair') return { ...NOTHING, paths: kind }
  return word.includes('=') ? { ...NOTHING, paths: 'files', skip: word.indexOf('=') + 1 } : NOTHING
}

type Value = readonly [text: string, description: string]

function commandsOf(program: Command): Value[] {
  const own = program.commands.map((child): Value => [child.name(), child.description()])
  return [...own, ['help', 'display help for a command']]
}

/** Return the long options; nothing until a dash shows that one is wanted. */
function optionsOf(command: Command, word: string): Value[] {
  if (!word.startsWith('-')) return []
  return command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long, description }): Value[] => (typeof long === 'string' ? [[long, description]] : []))
}

function runsOf(runs: readonly IndexedNames[]): Value[] {
  if (runs.length === 0) return []
  const tags = tagsOf(runs, 1).map(([tag]): Value => [tag, 'tag'])
  return [
    ['@latest', 'the newest run'],
    ['@previous', 'the run before it'],
    ...runs.flatMap(({ runName, name }): Value[] =>
      runName === null ? [] : [[runName, `a run of ${name}`]],
    ),
    ...experimentsOf(runs),
    ...tags,
    ...runs.map(({ id, name }): Value => [id, name]),
  ]
}

function experimentsOf(runs: readonly IndexedNames[]): Value[] {
  return [...new Set(runs.map(({ name }) => name))].map((name) => [name, 'experiment'])
}

/** Return the tags of the runs. @param most Leave out tags of more runs than this: they name none. */
function tagsOf(runs: readonly IndexedNames[], most = Infinity): Value[] {
  const uses = new Map<string, number>()
  for (const tag of runs.flatMap(({ tags }) => [...new Set(tags)])) uses.set(tag, (uses.get(tag) ?? 0) + 1)
  return [...uses].flatMap(([tag, count]): Value[] => (count <= most ? [[tag, 'tag']] : []))
}

/** Most values that are offered: a shell asks before it shows more. */
const VALUE_LIMIT = 500

/** Return the values that begin as a word does, each once. Those with characters that control a terminal are left out. */
function matching(word: string, values: readonly Value[]): Completions {
  const known = new Map<string, string>()
  for (const [text, description] of values) {
    if (!text.startsWith(word) || text === '' || text !== escapeText(text) || known.has(text)) continue
    if (known.size === VALUE_LIMIT) break
    known.set(text, escapeText(description))
  }
  return { paths: 'none', skip: 0, values: [...known] }
}

function behind(head: string, { paths, skip, values }: Completions): Completions {
  return {
    paths,
    skip: skip + head.length,
    values: values.map(([text, description]) => [head + text, description]),
  }
}
