/** Chunks run the same with and without the code of an earlier start, and whatever stands in its place. */
import { execFileSync, spawnSync } from 'node:child_process'
import {
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { folderOf } from '../../support/folder.ts'

const SOURCE = fileURLToPath(new URL('../../../src/cli/shared/compiled-chunks.ts', import.meta.url))

/** A program of three chunks: one is loaded before the others, which ask for each other. */
class Program {
  readonly folder: string = folderOf()
  readonly cache: string = join(this.folder, 'cache')

  constructor() {
    mkdirSync(join(this.folder, 'chunks'))
    writeFileSync(join(this.folder, 'package.json'), '{ "type": "commonjs" }')
    this.write('main.js', [
      `const { CompiledChunks } = require(${JSON.stringify(SOURCE)})`,
      'const chunks = new CompiledChunks()',
      "require('./chunks/plain.js').loads++",
      'chunks.open(process.argv[2])',
      "console.log(JSON.stringify(chunks.load(require, './chunks/first.js').answer()))",
    ])
    this.write('chunks/plain.js', ['exports.loads = 0'])
    this.write('chunks/first.js', [
      'const second = require("./second.js")',
      'exports.word = "first"',
      'exports.answer = () => [second.answer(), require("./second.js") === second, __filename.endsWith("first.js"),',
      '  require("node:path").basename(__dirname), typeof require.resolve, new Error("here").stack.includes("first.js:4"),',
      '  require("./plain.js").loads]',
    ])
    this.write('chunks/second.js', [
      'const first = require("./first.js")',
      'exports.answer = () => first.word + module.exports.suffix',
      'exports.suffix = "!"',
    ])
  }

  write(name: string, lines: readonly string[]): void {
    writeFileSync(join(this.folder, name), `${lines.join('\n')}\n`)
  }

  run(command: string, variables: NodeJS.ProcessEnv = {}): string {
    return execFileSync(process.execPath, ['--no-warnings', join(this.folder, 'main.js'), command], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: this.folder, XDG_CACHE_HOME: this.cache, ...variables },
    }).trim()
  }

  /** Paths of the files of compiled code. */
  files(): string[] {
    const parent = join(this.cache, 'lineaprint', 'compiled')
    return readdirSync(parent, { recursive: true, encoding: 'utf8' })
      .map((name) => join(parent, name))
      .filter((path) => statSync(path).isFile())
  }
}

const ANSWER = JSON.stringify(['first!', true, true, 'chunks', 'function', true, 1])

test('a program says the same at its first start and at later ones, and each command has its code', () => {
  const program = new Program()
  expect(program.run('run')).toBe(ANSWER)
  const [file = ''] = program.files()
  expect(file).toMatch(/\/unbundled-[^/]*\/run\.bin$/)
  const written = statSync(file)
  expect(written.mode & 0o777).toBe(0o600)
  expect(program.run('run')).toBe(ANSWER)
  // It was taken, so nothing was left to write.
  expect(statSync(file).ino).toBe(written.ino)
  expect(program.run('show')).toBe(ANSWER)
  expect(program.run('../../escape')).toBe(ANSWER)
  expect(
    program
      .files()
      .map((path) => path.replace(/.*\//, ''))
      .toSorted(),
  ).toEqual(['other.bin', 'run.bin', 'show.bin'])
})

test.each([
  ['is empty', (file: string) => truncateSync(file, 0)],
  ['was cut', (file: string) => truncateSync(file, Math.floor(statSync(file).size / 2))],
  ['lacks its last byte', (file: string) => truncateSync(file, statSync(file).size - 1)],
  ['is all zeros', (file: string) => writeFileSync(file, Buffer.alloc(statSync(file).size))],
  [
    'has a list that is none',
    (file: string) => {
      const bytes = readFileSync(file)
      bytes.fill(0x7b, 8, 16)
      writeFileSync(file, bytes)
    },
  ],
  [
    'has code of another V8',
    (file: string) => {
      const bytes = readFileSync(file)
      // The header of V8 comes after the list: number, version, source, flags.
      const at = Math.ceil((8 + bytes.readUInt32LE(4)) / 8) * 8
      bytes.fill(0xff, at, at + 16)
      writeFileSync(file, bytes)
    },
  ],
])('a file that %s is made again', (_, damage) => {
  const program = new Program()
  program.run('run')
  const [file = ''] = program.files()
  const size = statSync(file).size
  damage(file)
  expect(program.run('run')).toBe(ANSWER)
  expect(Math.abs(statSync(file).size - size)).toBeLessThan(size / 10)
  const { ino } = statSync(file)
  expect(program.run('run')).toBe(ANSWER)
  expect(statSync(file).ino).toBe(ino)
})

test('nothing is kept where it is switched off, and where nothing can be written', () => {
  const program = new Program()
  expect(program.run('run', { NODE_DISABLE_COMPILE_CACHE: '1' })).toBe(ANSWER)
  expect(program.run('run', { NODE_V8_COVERAGE: join(program.folder, 'coverage') })).toBe(ANSWER)
  writeFileSync(program.cache, 'a file')
  expect(program.run('run')).toBe(ANSWER)
  expect(readFileSync(program.cache, 'utf8')).toBe('a file')
})

test('the code of another build is removed after a month, and not before', () => {
  const program = new Program()
  const parent = join(program.cache, 'lineaprint', 'compiled')
  const days = (count: number): Date => new Date(Date.now() - count * 86_400_000)
  for (const [name, age] of [
    ['old', 40],
    ['recent', 20],
  ] as const) {
    mkdirSync(join(parent, name), { recursive: true, mode: 0o700 })
    utimesSync(join(parent, name), days(age), days(age))
  }
  program.run('run')
  expect(readdirSync(parent)).toContain('recent')
  expect(readdirSync(parent)).not.toContain('old')
})

test('a chunk imports a package without a warning of Node, and other warnings stay', () => {
  const program = new Program()
  program.write('package.mjs', ['export const word = "imported"'])
  program.write('chunks/first.js', [
    'exports.answer = () => {',
    '  process.emitWarning("of somebody else")',
    '  return import("../package.mjs").then(({ word }) => console.log(word))',
    '}',
  ])
  const { stdout, stderr } = spawnSync(process.execPath, [join(program.folder, 'main.js'), 'run'], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: program.folder, XDG_CACHE_HOME: program.cache },
  })
  expect(stdout).toContain('imported')
  expect(stderr).toContain('of somebody else')
  expect(stderr).not.toContain('vm.')
})
