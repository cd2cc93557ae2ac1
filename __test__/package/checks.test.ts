/** The scripts that hold the repository to its own rules find what breaks one: in a copy, one thing at a time is wrong. */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { keptFolder } from '../support/kept-folder.ts'

const SOURCES = ['src', '__test__', 'scripts', 'docs', 'crates', '.github', '.ci']
const SINGLE = [
  'vitest.config.ts',
  'package.json',
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'Cargo.toml',
  'Cargo.lock',
]
const LINKED = [
  'node_modules',
  'native',
  'python',
  'vectors',
  'web',
  'schema',
  'benchmark',
  'soak',
  'fuzz',
  'examples',
  'npm',
]

let root = ''

beforeAll(() => {
  root = keptFolder()
  for (const name of [...SOURCES, ...SINGLE]) cpSync(name, join(root, name), { recursive: true })
  for (const name of LINKED) symlinkSync(resolve(name), join(root, name))
})

/** Runs a script in the copy. */
function check(script: string): { status: number | null; problems: string } {
  const { status, stderr } = spawnSync(process.execPath, [`scripts/${script}.mjs`], {
    cwd: root,
    encoding: 'utf8',
  })
  return { status, problems: stderr }
}

/** Changes a file of the copy until the test is over. */
function change(name: string, edit: (text: string) => string): void {
  const path = join(root, name)
  const before = readFileSync(path, 'utf8')
  const after = edit(before)
  expect(after).not.toBe(before)
  writeFileSync(path, after)
  onTestFinished(() => writeFileSync(path, before))
}

/** Adds a file to the copy until the test is over. */
function add(name: string, text: string): void {
  const path = join(root, name)
  const folder = dirname(path)
  const made = existsSync(folder) ? path : folder
  mkdirSync(folder, { recursive: true })
  writeFileSync(path, text)
  onTestFinished(() => rmSync(made, { recursive: true }))
}

test.each(['arrows', 'check-tests', 'check-claims'])('%s finds nothing as it is', (script) => {
  expect(check(script)).toEqual({ status: 0, problems: '' })
})

test.each([
  ['an arrow up', 'core/x.ts', "import '../util/fs.ts'\n", 'core imports from util, which is above it'],
  ['an arrow to the side', 'verify/x.ts', "import '../diff/runs.ts'\n", 'diff, which is at its side'],
  [
    'an arrow that must not be',
    'reproduce/x.ts',
    "import '../verify/verify.ts'\n",
    'must not import from verify',
  ],
  ['a type from above', 'core/x.ts', "import type { A } from '../util/fs.ts'\n", 'above it (src/util/fs.ts)'],
  ['the loader', 'hash/x.ts', "import '../../native/index.js'\n", "may import the addon's loader"],
  ['a room that nobody knows', 'attic/x.ts', '', 'src/attic: scripts/rooms.mjs does not name it'],
  ['a file that imports itself', 'hash/x.ts', "import './x.ts'\n", 'src/hash/x.ts -> src/hash/x.ts'],
])('arrows finds %s', (_, name, text, words) => {
  add(`src/${name}`, text)
  const { status, problems } = check('arrows')
  expect(status).toBe(1)
  expect(problems).toContain(words)
})

test('arrows prints the shortest circle, through types as well', () => {
  add('src/hash/a.ts', "import { b } from './b.ts'\nimport './file.ts'\n")
  add('src/hash/b.ts', "import type { C } from './c.ts'\n")
  add('src/hash/c.ts', "import type { A } from './a.ts'\n")
  expect(check('arrows').problems).toContain(
    'a circle: src/hash/a.ts -> src/hash/b.ts -> src/hash/c.ts -> src/hash/a.ts\n',
  )
})

test.each([
  ['a test without a source', 'hash/nothing.test.ts', '', 'there is no source src/hash/nothing.ts'],
  [
    'a unit test that runs the program',
    'hash/file.program.test.ts',
    "import { lineaprint } from '../support/program.ts'\n",
    'belongs to __test__/e2e',
  ],
  [
    'a unit test that needs a peer through its support',
    'export/retry.other.test.ts',
    "import {\n  hasPeer,\n} from './peers.ts'\n",
    'is named *.peers.test.ts',
  ],
])('check-tests finds %s', (_, name, text, words) => {
  add(`__test__/${name}`, text)
  const { status, problems } = check('check-tests')
  expect(status).toBe(1)
  expect(problems).toContain(words)
})

test('check-tests finds a test that no project has', () => {
  change('vitest.config.ts', (text) =>
    text.replace("{ include: ['__test__/**/*.peers.test.ts']", '{ include: []'),
  )
  expect(check('check-tests').problems).toContain('read.peers.test.ts: is of the projects none')
})

test.each<[string, string, (text: string) => string, string]>([
  ['a map of yesterday', 'CONTRIBUTING.md', (text) => text.replace('  hash/', '  hush/'), 'the part "map"'],
  ['unsafe code', 'crates/engine/src/lib.rs', (text) => `${text}\nunsafe fn x() {}\n`, 'the part "unsafe"'],
  ['another Node', 'package.json', (text) => text.replace('>=22.13', '>=24.0'), 'and it is 24.0'],
  ['another Rust', 'README.md', (text) => text.replace('Rust 1.90', 'Rust 1.80'), 'and it is 1.90'],
  ['another Python', 'CONTRIBUTING.md', (text) => text.replace('Python 3.11 or', 'Python 3.10 or'), '3.11'],
  [
    'no such script',
    'CONTRIBUTING.md',
    (text) => text.replace('npm run soak', 'npm run sock'),
    'npm run sock',
  ],
  [
    'no such path',
    'CONTRIBUTING.md',
    (text) => text.replace('`docs/promises.md`', '`docs/oaths.md`'),
    'oaths',
  ],
  [
    'no such test',
    'docs/known-defects-of-peers.md',
    (text) => text.replace('"dtype and shape count"', '"dtype counts"'),
    'has no test "dtype counts"',
  ],
  [
    'no such attack',
    'docs/security.md',
    (text) => text.replace('model_gguf: holes_are_refused', 'model_gguf: gaps_are_refused'),
    'crates/formats/tests/model_gguf.rs has no test gaps_are_refused',
  ],
  [
    'a link to no heading',
    'docs/verify.md',
    (text) => text.replace('(#levels)', '(#heights)'),
    'docs/verify.md: links to "#heights", and docs/verify.md has no such heading',
  ],
  [
    'a link to no document',
    'docs/verify.md',
    (text) => text.replace('(manifest.md)', '(list.md)'),
    'docs/verify.md: links to list.md, which does not exist',
  ],
  [
    'a term twice',
    'CONTRIBUTING.md',
    (text) => text.replace('**record** ', '**run**    '),
    'has "run" twice',
  ],
])('check-claims finds %s', (_, name, edit, words) => {
  change(name, edit)
  const { status, problems } = check('check-claims')
  expect(status).toBe(1)
  expect(problems).toContain(words)
})

test('check-claims finds a file that is no command', () => {
  add('src/cli/commands/other.ts', '')
  expect(check('check-claims').problems).toContain('src/cli/commands/other: there is no such command')
})
