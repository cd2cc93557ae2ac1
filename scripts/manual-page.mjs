// Create the manual page of the program, docs/lineaprint.1, from the tree of commands that also makes its help.
//
//   node scripts/manual-page.mjs            writes it
//   node scripts/manual-page.mjs --check    fails if the file differs from what would be written
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { buildProgram } from '../src/cli/tree.ts'
import { manifest } from './package-names.mjs'
import { root } from './setup.mjs'

const PATH = join(root, 'docs', 'lineaprint.1')

const tree = await buildProgram('all', {
  signal: new AbortController().signal,
  exit: () => undefined,
  program: () => Promise.reject(new Error('no command is run')),
})
const page = manual(tree)
if (!process.argv.includes('--check')) writeFileSync(PATH, page)
else if (readFileSync(PATH, 'utf8') !== page) {
  console.error('docs/lineaprint.1 is not what the commands say: run scripts/manual-page.mjs')
  process.exitCode = 1
}

function manual(program) {
  const commands = program.commands.filter((command) => command.name() !== 'help')
  return lines([
    `.\\" Written by scripts/manual-page.mjs from the commands in src/cli.`,
    `.TH LINEAPRINT 1 "" "lineaprint ${manifest.version}" "User Commands"`,
    '.SH NAME',
    `lineaprint \\- ${escaped(lowered(manifest.description))}`,
    '.SH SYNOPSIS',
    '.B lineaprint',
    escaped('<command> [arguments] [options]'),
    '.SH DESCRIPTION',
    escaped(program.description()),
    '.PP',
    escaped(
      'Every command has --help with an example. A terminal gets aligned columns; a pipe gets tab-separated lines without shortening.',
    ),
    escaped(
      'With --json, stdout gets one JSON document, also about a failure: { "error": { "code", "message", … } }.',
    ),
    '.SH COMMANDS',
    ...commands.flatMap((command) => section(command)),
    '.SH EXIT STATUS',
    ...definitions([
      ['0', 'done, or equal'],
      ['1', 'a difference was found'],
      ['2', 'wrong usage'],
      ['3', 'an input could not be read, or the work failed'],
      ['130', 'interrupted; other signals likewise'],
    ]),
    escaped('lineaprint run ends with the exit code of its command.'),
    '.SH ENVIRONMENT',
    ...definitions([
      [
        'LINEAPRINT_OUTPUT_DIR',
        'the folder that holds the store; each other option of the configuration has a variable, too',
      ],
      ['LINEAPRINT_CACHE_DIRECTORY', 'the folder of the cache of digests'],
      ['NO_COLOR', 'no colours, if it is not empty'],
      ['FORCE_COLOR', 'colours also in a pipe; none if it is 0'],
    ]),
    '.SH FILES',
    ...definitions([
      ['.lineaprint', 'the store: a folder for each run'],
      ['lineaprint.config.*', 'the configuration'],
      ['.lineaprintignore', 'entries of its folder that hash and manifest leave out'],
    ]),
    '.SH SEE ALSO',
    '.BR b3sum (1),',
    '.BR sha256sum (1),',
    '.BR git (1)',
  ])
}

/** Return the section of a command: what its help says, in the same order. */
function section(command) {
  const help = command.createHelp()
  return [
    `.SS ${escaped(command.name())}`,
    `.B ${escaped(help.commandUsage(command))}`,
    '.PP',
    escaped(help.commandDescription(command)),
    ...titled(
      'Arguments:',
      help.visibleArguments(command).map((item) => [help.argumentTerm(item), help.argumentDescription(item)]),
    ),
    ...titled(
      'Options:',
      help.visibleOptions(command).map((item) => [help.optionTerm(item), help.optionDescription(item)]),
    ),
    '.PP',
    '.EX',
    ...textAfterHelp(command).trim().split('\n').map(escaped),
    '.EE',
  ]
}

/** Return the text that the help of a command ends with. */
function textAfterHelp(command) {
  let whole = ''
  command.configureOutput({ writeOut: (text) => (whole += text), getOutHelpWidth: () => 80 })
  command.outputHelp()
  const start = command.helpInformation()
  if (!whole.startsWith(start))
    throw new Error(`the help of ${command.name()} does not begin with its options`)
  return whole.slice(start.length)
}

function titled(title, items) {
  return items.length === 0 ? [] : ['.PP', title, ...definitions(items)]
}

function definitions(items) {
  return items.flatMap(([term, text]) => ['.TP', `.B ${escaped(term)}`, escaped(text)])
}

function lowered(text) {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

/** Escape a line for roff: nothing in it is a request or an escape. */
function escaped(line) {
  const text = line
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('"', '\\(dq')
    .replaceAll(
      /[^\u0000-\u007f]/gu,
      (character) => `\\[u${character.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}]`,
    )
  return /^[.']/.test(text) ? `\\&${text}` : text
}

function lines(all) {
  return `${all.join('\n')}\n`
}
