/** What `run` keeps of the output of a command. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { FAST, onlyRun } from './support.ts'
import type { StreamRecord } from '../../../src/record/record.ts'

type Captured = Extract<StreamRecord, { status: 'captured' }>

function captured(record: StreamRecord | undefined): Captured {
  if (record?.status !== 'captured') throw new Error('the output was not captured')
  return record
}

/** Whether a text is a part of the output, from where its first line says, without what its notes leave out. */
function isPartOf(all: string, text: string): boolean {
  const [title = '', begin = '0'] = /^\[lineaprint: the output from byte (\d+) on\]\n/.exec(text) ?? []
  let at = Number(begin)
  for (const [index, part] of text.slice(title.length).split(NOTE).entries()) {
    // Every second part is the number of a note.
    if (index % 2 === 0 && !all.startsWith(part, at)) return false
    at += index % 2 === 0 ? part.length : Number(part)
  }
  return true
}

const NOTE = /\[lineaprint: (\d+) bytes, \d+ lines, left out here\]\n/

const run = async (cwd: string, code: string): ReturnType<typeof lineaprint> =>
  lineaprint(['run', '--name', 'it', '--', process.execPath, '-e', code], { cwd, env: FAST })

test('of a large output the beginning and the end are kept, and it passes through whole', async () => {
  const root = folderOf()
  const size = 30 << 20
  const line = 'abcdefghi\n'
  const code = `process.stdout.write('first\\n' + '${line.trim()}\\n'.repeat(${size / line.length}) + 'last\\n')`
  const { stdout } = await run(root, code)
  const rest = line.repeat(size / line.length)
  expect(stdout === `first\n${rest}last\n`).toBe(true)
  const { record, folder } = onlyRun(root)
  const { bytes, keptBytes, omittedBytes, omittedLines, ...others } = captured(record.command.stdout)
  expect(others).toEqual({ status: 'captured', file: 'stdout.log' })
  expect(bytes).toBe(stdout.length)
  expect(keptBytes + (omittedBytes ?? 0)).toBe(bytes)
  expect(keptBytes).toBeGreaterThan(9 << 20)
  expect(keptBytes).toBeLessThanOrEqual(10 << 20)
  const text = readFileSync(join(folder, 'stdout.log'), 'utf8')
  const note = `[lineaprint: ${omittedBytes} bytes, ${omittedLines} lines, left out here]\n`
  const [head = '', tail = ''] = text.split(note)
  expect(stdout.startsWith(head) && stdout.endsWith(tail)).toBe(true)
  expect(head.length + tail.length).toBe(keptBytes)
  expect(Math.min(head.length, tail.length)).toBeGreaterThan(4 << 20)
  expect(record.files.map(({ path }) => path)).toEqual(['events.jsonl', 'stderr.log', 'stdout.log'])
  const { stdout: shown } = await lineaprint(['show', 'it'], { cwd: root })
  // Where the parts are cut depends on how the output arrives.
  const [kept, all, omitted] = [keptBytes, bytes, omittedBytes ?? 0].map((count) =>
    (count / 1e6).toPrecision(3),
  )
  expect(shown).toMatch(
    new RegExp(`stdout +stdout\\.log, ${kept} MB of ${all} MB; ${omitted} MB left out in the middle\\n`),
  )
  expect((await lineaprint(['verify', 'it'], { cwd: root })).stdout).toMatch(/same\tfiles\tstdout.log\t/)
})

test('a progress bar counts with its last state, and the error behind it is kept', async () => {
  const root = folderOf()
  const bar = "`\\r${String(step / 2000).padStart(3)}%|${'#'.repeat(step / 4000)} ${step}/200000 [00:01]`"
  const code = `let text = ''
for (let step = 0; step < 200000; step++) text += ${bar}
process.stderr.write(text + '\\nloss is NaN\\n')
process.exitCode = 1`
  const { code: exit } = await run(root, code)
  expect(exit).toBe(1)
  const { record, folder } = onlyRun(root)
  const { bytes, keptBytes, omittedBytes, rewrittenLines } = captured(record.command.stderr)
  expect(bytes).toBeGreaterThan(8 << 20)
  expect({ keptBytes, omittedBytes, rewrittenLines }).toEqual({
    keptBytes: bytes,
    omittedBytes: undefined,
    rewrittenLines: 1,
  })
  const text = readFileSync(join(folder, 'stderr.log'), 'utf8')
  expect(text).toBe(`99.9995%|${'#'.repeat(49)} 199999/200000 [00:01]\nloss is NaN\n`)
  const { stdout: shown } = await lineaprint(['show', 'it'], { cwd: root })
  expect(shown).toContain('; 1 rewritten line as shown in the end\n')
})

test.runIf(process.platform !== 'win32')(
  'a run that is killed leaves the beginning and the end of its output',
  { timeout: 120_000 },
  async () => {
    const root = folderOf()
    const code = `const line = 'abcdefghi\\n'
process.stdout.write(line.repeat(2 ** 21) + 'the end\\n')
setInterval(() => require('node:fs').existsSync('stop') && process.exit(), 50)`
    const folderOfRun = (): string => {
      const runs = join(root, '.lineaprint', 'runs')
      const [id = ''] = existsSync(runs) ? readdirSync(runs) : []
      return join(runs, id)
    }
    const filesOf = (folder: string): string[] =>
      existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith('stdout.log')) : []
    const textOf = (name: string): string => readFileSync(join(folderOfRun(), name), 'utf8')
    const ended = lineaprint(['run', '--', process.execPath, '-e', code], {
      cwd: root,
      env: FAST,
      started: (child) => {
        const timer = setInterval(() => {
          if (!filesOf(folderOfRun()).some((name) => textOf(name).endsWith('the end\n'))) return
          clearInterval(timer)
          child.kill('SIGKILL')
          writeFileSync(join(root, 'stop'), '')
        }, 50)
      },
    })
    expect((await ended).signal).toBe('SIGKILL')
    const all = `${'abcdefghi\n'.repeat(2 ** 21)}the end\n`
    const names = filesOf(folderOfRun())
    expect(names).toContain('stdout.log')
    expect(names.length).toBeGreaterThan(1)
    for (const name of names) {
      expect(isPartOf(all, textOf(name))).toBe(true)
    }
  },
)
