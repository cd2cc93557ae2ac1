/** Changes that a stranger can make to a project before handing it over. */
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { rowDigest } from '../src/database/write.ts'
import { formatRecord, sealRecord } from '../src/record/seal.ts'
import { CHECKSUMS, RUNS } from './strangers-project.ts'
import type { Generator } from '../src/capture/seeds/generator.ts'
import type { RunRecord } from '../src/record/record.ts'

/** Text that controls a terminal or hides what it says, with C0, C1, bidirectional and zero-width characters. */
export const HOSTILE_TEXT = 'a\u001b[2J\u001b]0;t\u0007\u009b31m\u202eb\u200bc\u2066d\r\n\u0000e\u007f'

const HOSTILE: readonly unknown[] = [
  HOSTILE_TEXT,
  null,
  true,
  -1,
  0.5,
  1e308,
  2 ** 53,
  '',
  '\ud800',
  '__proto__',
  '../../../etc/passwd',
  '/proc/self/cwd',
  '/dev/zero',
  './venv/bin/python3',
  'planted',
  'x'.repeat(1 << 20),
  [],
  {},
  [[[]]],
  { constructor: { prototype: { x: 1 } } },
  { length: 1e9 },
  { toString: 1, valueOf: 2 },
  { __float__: 'NaN' },
  ['./planted', HOSTILE_TEXT],
  Array.from({ length: 5000 }, (_, index) => index),
  '9999-99-99T99:99:99Z',
  'tree.v1.blake3:zz',
]

/** JSON text that no value gives. */
const TEXTS = [
  '1e999',
  '"\\u0000"',
  '{"__proto__":{"a":1}}',
  '{"a":1,"a":2}',
  `${'['.repeat(2000)}${']'.repeat(2000)}`,
]

/** Names of files in the folder of a run that are opened by their name. */
const RUN_FILES = [
  'run.json',
  'events.jsonl',
  'experiment.json',
  'stdout.log',
  'stderr.log',
  'git/diff.patch',
]

/** Write a file. An earlier change may have put a FIFO or a link to a device at its name, which is not written through. */
function write(path: string, content: string | Uint8Array): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true)
    rmSync(path, { recursive: true, force: true })
  writeFileSync(path, content)
}

/** Apply one to three changes to a project and return what they are. */
export function mutate(project: string, random: Generator): string[] {
  const done: string[] = []
  for (let changes = random.integer(1, 3); changes > 0; changes--) {
    const [name, change] = pick(random, CHANGES)
    change(project, random)
    done.push(name)
  }
  return done
}

const CHANGES: readonly (readonly [string, (project: string, random: Generator) => void])[] = [
  ['record', changeRecord],
  ['record', changeRecord],
  ['record', changeRecord],
  ['bytes of a record', (project, random) => changeBytes(join(runIn(project, random), 'run.json'), random)],
  ['journal', changeJournal],
  ['journal', changeJournal],
  [
    'bytes of a journal',
    (project, random) => changeBytes(join(project, '.lineaprint/runs/open/events.jsonl'), random),
  ],
  ['lists', changeList],
  ['manifest', changeManifest],
  ['manifest', changeManifest],
  ['configuration', changeConfiguration],
  ['index', changeIndex],
  ['index', changeIndex],
  ['name', replaceName],
  ['name', replaceName],
  ['repository', changeRepository],
]

function runIn(project: string, random: Generator): string {
  return join(project, '.lineaprint', 'runs', pick(random, RUNS))
}

/** Change values anywhere in a record, and seal it again in half of the cases. */
function changeRecord(project: string, random: Generator): void {
  const path = join(runIn(project, random), 'run.json')
  const record = parsed(path)
  if (record === undefined) return
  for (let changes = random.integer(1, 4); changes > 0; changes--) changeValue(record, random)
  if (random.integer(0, 1) === 0) {
    const { command, captures } = record as Partial<Pick<RunRecord, 'command' | 'captures'>>
    // What would be started, and where.
    if (typeof command === 'object')
      Object.assign(command, {
        argv: ['./venv/bin/python3', HOSTILE_TEXT],
        workingDirectory: '/proc/self/cwd',
      })
    const environment = captures?.['environment']
    if (environment?.status === 'captured' && typeof environment.value['python'] === 'object')
      Object.assign(environment.value['python'] ?? {}, {
        executable: '/proc/self/cwd/venv/bin/python3',
        prefix: '/proc/self/cwd/venv',
      })
  }
  let text = JSON.stringify(record)
  if (random.integer(0, 1) === 0) {
    try {
      text = formatRecord(sealRecord(record as unknown as RunRecord))
    } catch {
      // A record that is far from its form has no seal.
    }
  }
  if (random.integer(0, 5) === 0) text = changeText(text, random)
  write(path, text)
}

/** Change the text of JSON so that it may not be JSON any more. */
function changeText(text: string, random: Generator): string {
  const matches = [...text.matchAll(/"(?:[^"\\]|\\.)*"|[0-9.]+|null/g)]
  const match = matches[random.integer(0, Math.max(0, matches.length - 1))]
  if (match === undefined) return text
  return text.slice(0, match.index) + pick(random, TEXTS) + text.slice(match.index + match[0].length)
}

/** Replace, rename, remove or add a member somewhere in a value. */
function changeValue(root: Record<string, unknown>, random: Generator): void {
  let at: Record<string, unknown> = root
  for (let depth = random.integer(0, 5); depth > 0; depth--) {
    const inner = Object.values(at).filter((value) => typeof value === 'object' && value !== null)
    if (inner.length === 0) break
    at = pick(random, inner) as Record<string, unknown>
  }
  const keys = Object.keys(at)
  const key = keys.length === 0 ? 'new' : pick(random, keys)
  switch (random.integer(0, 5)) {
    case 0:
      Reflect.deleteProperty(at, key)
      break
    case 1: {
      const name = pick(random, [HOSTILE_TEXT, '../x', '', 'constructor', 'toString', 'x'.repeat(5000)])
      at[name] = at[key]
      break
    }
    case 2:
      Object.defineProperty(at, '__proto__', {
        value: { a: 1 },
        enumerable: true,
        configurable: true,
        // It can be changed again.
        writable: true,
      })
      break
    default:
      at[key] = pick(random, HOSTILE)
  }
}

function changeJournal(project: string, random: Generator): void {
  const path = join(project, '.lineaprint/runs/open/events.jsonl')
  if (!isChangeable(path)) return
  const lines = readFileSync(path, 'utf8').split('\n')
  for (let changes = random.integer(1, 6); changes > 0; changes--) {
    const at = random.integer(0, lines.length - 1)
    const line = lines[at] ?? ''
    const event = tryParse(line)
    if (event === undefined || random.integer(0, 3) === 0) {
      lines.splice(
        at,
        random.integer(0, 1),
        changeText(line, random),
        ...(random.integer(0, 1) === 0 ? [line] : []),
      )
      continue
    }
    changeValue(event, random)
    if (random.integer(0, 1) === 0)
      Object.assign(event, {
        type: pick(random, ['metric', 'metadata', 'tags', 'warning', 'tracked', 'ended']),
      })
    lines[at] = JSON.stringify(event)
  }
  write(path, lines.join('\n'))
}

/** Change a list of files or tensors in the folder of a run. */
function changeList(project: string, random: Generator): void {
  const folder = runIn(project, random)
  if (!existsSync(folder)) return
  const names = (readdirSync(folder, { recursive: true }) as string[]).filter((name) =>
    /\.(?:json|txt|log|patch)$/.test(name),
  )
  const path = join(folder, pick(random, names.length === 0 ? ['run.json'] : names))
  if (!isChangeable(path)) return
  const value = path.endsWith('.json') ? parsed(path) : undefined
  if (value === undefined) return changeBytes(path, random)
  changeValue(value, random)
  write(path, JSON.stringify(value))
}

function changeManifest(project: string, random: Generator): void {
  const path = join(project, pick(random, CHECKSUMS))
  if (!isChangeable(path)) return
  const value = parsed(path)
  if (value !== undefined && random.integer(0, 3) > 0) {
    changeValue(value, random)
    write(path, JSON.stringify(value))
  } else if (random.integer(0, 1) === 0) {
    const name = pick(random, [
      HOSTILE_TEXT.replaceAll('\n', ''),
      '../../etc/passwd',
      '/dev/zero',
      '/dev/tty',
      '',
    ])
    write(path, `${'0'.repeat(64)}  ${name}\n${readFileSync(path, 'utf8')}`)
  } else changeBytes(path, random)
}

const CONFIGURATIONS: readonly (readonly [string, string])[] = [
  ['lineaprint.config.json', `{"outputDir":${JSON.stringify(HOSTILE_TEXT)}}`],
  ['lineaprint.config.json', '{"__proto__":{"outputDir":"/"},"x":1}'],
  ['lineaprint.config.json', `{"tags":${'['.repeat(1000)}`],
  [
    'lineaprint.config.yaml',
    'a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n',
  ],
  ['lineaprint.config.yaml', 'a: !!js/function "function () {}"\n'],
  ['package.json', `{"lineaprint":{${JSON.stringify(HOSTILE_TEXT)}:1}}`],
  ['package.json', '{"lineaprint":"lineaprint.config.mjs"}'],
  ['.lineaprintignore', `${'*'.repeat(2000)}a\n**/**/**/**/**/x\n`],
]

function changeConfiguration(project: string, random: Generator): void {
  const [name, text] = pick(random, CONFIGURATIONS)
  write(join(project, name), text)
  if (random.integer(0, 2) === 0) replaceBy(join(project, name), random)
}

/** Change the index of the store: its bytes, its rows, or what stands at its name. */
function changeIndex(project: string, random: Generator): void {
  const root = join(project, '.lineaprint')
  const name =
    readdirSync(root).find((file) => file.endsWith('.sqlite')) ?? 'index-v3-0000000000000000.sqlite'
  const path = join(root, name)
  switch (random.integer(0, 3)) {
    case 0:
      return changeBytes(path, random)
    case 1:
      return replaceBy(path + pick(random, ['', '', '-wal', '-shm', '-journal']), random)
    case 2:
      write(join(root, `index-v3-${'0'.repeat(16)}.sqlite`), 'SQLite format 3\0'.padEnd(5000, 'x'))
      return
    default:
      forgeRows(path, random)
  }
}

/** Change the entries of an index. Their digests are right: only their content can tell. */
function forgeRows(path: string, random: Generator): void {
  if (!isChangeable(path)) return
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path)
    const rows = database.prepare('SELECT key, id, stamp, entry FROM run JOIN detail ON run = key').all()
    for (const { key, id, stamp, entry } of rows) {
      const value = tryParse(String(entry)) ?? {}
      changeValue(value, random)
      const text = JSON.stringify(value)
      const forged = random.integer(0, 3) === 0 ? changeText(text, random) : text
      const digest = rowDigest(String(id), String(stamp), forged)
      database
        .prepare('UPDATE detail SET entry = ?, digest = ? WHERE run = ?')
        .run(forged, digest, Number(key))
    }
  } catch {
    // An earlier change left no database.
  } finally {
    database?.close()
  }
}

/** Put something else than a file at a name that is opened. */
function replaceName(project: string, random: Generator): void {
  const names = [
    ...RUNS.flatMap((id) => RUN_FILES.map((file) => `.lineaprint/runs/${id}/${file}`)),
    ...CHECKSUMS,
    'in.txt',
    'out.txt',
    'data/a.csv',
    'model/model.safetensors',
    'model/config.json',
    '.lineaprintignore',
    'lineaprint.config.json',
    'package.json',
  ]
  replaceBy(join(project, pick(random, names)), random)
}

function replaceBy(path: string, random: Generator): void {
  rmSync(path, { recursive: true, force: true })
  const parent = join(path, '..')
  if (!existsSync(parent)) return
  switch (random.integer(0, 5)) {
    case 0:
      execFileSync('mkfifo', [path])
      break
    case 1:
      mkdirSync(path)
      break
    case 2:
      symlinkSync(
        pick(random, ['/dev/zero', '/dev/tty', '/nothing', '.', '/proc/self/mem', '/dev/stdin']),
        path,
      )
      break
    case 3:
      write(path, '')
      // Outside of a store it is data, which is read whole however long it is.
      truncateSync(path, path.includes('/.lineaprint/') ? 2 ** 40 : 2 ** 22)
      break
    case 4:
      write(path, '')
      break
    default:
      symlinkSync(path, path)
  }
}

/** Change what git reads of the repository. */
function changeRepository(project: string, random: Generator): void {
  const name = pick(random, [
    'HEAD',
    'config',
    'index',
    'packed-refs',
    'objects/info/alternates',
    'worktrees/w/gitdir',
  ])
  const path = join(project, '.git', name)
  mkdirSync(join(path, '..'), { recursive: true })
  if (random.integer(0, 2) === 0 && name !== 'config') replaceBy(path, random)
  else write(path, name === 'HEAD' ? `ref: refs/heads/${HOSTILE_TEXT}\n` : HOSTILE_TEXT)
}

/** Change, cut, repeat or replace some bytes. */
function changeBytes(path: string, random: Generator): void {
  if (!isChangeable(path)) return
  const content = readFileSync(path)
  const at = random.integer(0, content.length)
  const to = Math.min(content.length, at + random.integer(1, 64))
  const [before, after] = [content.subarray(0, at), content.subarray(to)]
  const middle = pick(random, [
    Buffer.alloc(0),
    Buffer.from(HOSTILE_TEXT),
    Buffer.from([0xff, 0xfe, 0]),
    Buffer.concat([content.subarray(at, to), content.subarray(at, to)]),
    Buffer.from(content.subarray(at, to).map((byte) => byte ^ (1 << random.integer(0, 7)))),
  ])
  write(path, random.integer(0, 9) === 0 ? before : Buffer.concat([before, middle, after]))
}

function isChangeable(path: string): boolean {
  const info = lstatSync(path, { throwIfNoEntry: false })
  return info?.isFile() === true && info.size < 1 << 24
}

function parsed(path: string): Record<string, unknown> | undefined {
  return isChangeable(path) ? tryParse(readFileSync(path, 'utf8')) : undefined
}

function tryParse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function pick<T>(random: Generator, values: readonly T[]): T {
  return values[random.integer(0, values.length - 1)] as T
}
