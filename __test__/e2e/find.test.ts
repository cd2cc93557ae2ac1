/** Runs are listed by what they reached, read back, plotted, and compared. */
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { HAS_FONTS } from '../support/fonts.ts'
import { lineaprint } from '../support/program.ts'
import { linesAtTerminal } from '../support/terminal.ts'
import { finished } from '../tracking/support.ts'
import type { Outcome } from '../support/program.ts'

let root: string

function program(...words: string[]): Promise<Outcome> {
  return lineaprint(words, { cwd: root })
}

/** Text that a terminal, a spreadsheet or Markdown would act on. */
const HOSTILE = '=cmd|\u001b[31m"a", |b|\n<b>'

beforeAll(async () => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'lineaprint-')))
  for (const [index, loss] of [0.5, 0.2, 0.1].entries())
    await finished(
      root,
      { experimentId: `run-${index}`, experimentName: 'sweep', tags: index === 0 ? ['base'] : [] },
      (tracker) => {
        for (let step = 0; step < 3; step++) tracker.logMetric('loss', loss * (3 - step), { step })
        tracker.logMetric('accuracy', 1 - loss)
        tracker.setNotes(HOSTILE)
      },
    )
})

afterAll(() => rmSync(root, { recursive: true, force: true }))

test('list chooses, orders and shows values', async () => {
  const { stdout } = await program(
    'list',
    '--where',
    'metrics.loss < 0.3',
    '--sort',
    '-metrics.accuracy',
    '--columns',
    'metrics.loss,metrics.accuracy',
  )
  expect(stdout).toBe('run-2\t0.1\t0.9\nrun-1\t0.2\t0.8\n')
  expect((await program('list', '--where', 'tags has "base"', '--columns', 'auto')).stdout).toBe('run-0\n')
  expect((await program('list', '--columns', 'auto', '--limit', '2')).stdout).toBe(
    'run-1\t0.8\t0.2\nrun-2\t0.9\t0.1\n',
  )
})

test('at a terminal, runs of one experiment are named by what varies; a pipe has the same columns as ever', async () => {
  const lines = linesAtTerminal(100, ['list'], root)
  expect(lines.slice(0, 3).map((line) => line.split(/\s+/).slice(0, 4).join(' ').trim())).toEqual([
    'sweep: 3 runs, all',
    'id accuracy loss tags',
    'run-0 0.5 0.5 base',
  ])
  expect(lines[0]).toBe('sweep: 3 runs, all finished')
  expect(lines[1]).not.toMatch(/status|name/)
  // A narrow one has no room for the last of them.
  const narrow = linesAtTerminal(16, ['list'], root)
  expect(Math.max(...narrow.slice(0, 5).map((line) => line.length))).toBeLessThanOrEqual(40)
  expect((await program('list', '--limit', '1')).stdout).toMatch(/^run-2\tsweep\t\tfinished\t/)
  // One run varies in nothing.
  expect(linesAtTerminal(100, ['list', '--limit', '1'], root)[0]).toMatch(/^id +name +status/)
})

test('a wrong expression is wrong usage, and its column is named', async () => {
  const { code, stdout, stderr } = await program('list', '--where', 'metrics.loss < 0.3 nd x = 1')
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain('column 20: "nd" is not expected here')
})

test('CSV executes nothing, and JSON has every value', async () => {
  const { stdout } = await program(
    'list',
    '--columns',
    'id,notes,metrics.loss.max',
    '--format',
    'csv',
    '--limit',
    '1',
  )
  const notes = `"'${HOSTILE.replaceAll('"', '""')}"`
  expect(stdout).toBe(`id,notes,metrics.loss.max\nrun-2,${notes},0.30000000000000004\n`)
  const json = JSON.parse((await program('list', '--columns', 'metrics.loss', '--json')).stdout) as {
    runs: { values: unknown }[]
  }
  expect(json.runs.map(({ values }) => values)).toEqual(
    [0.5, 0.2, 0.1].map((loss) => ({ 'metrics.loss': loss })),
  )
})

test('Parquet goes to a pipe, and never to a terminal', async () => {
  for (const args of [
    ['list', '--format', 'parquet', '--columns', 'auto,tags'],
    ['metrics', 'run-1', '--format', 'parquet'],
  ]) {
    const { code, stdout } = await program(...args)
    expect([code, stdout.slice(0, 4), stdout.slice(-4)]).toEqual([0, 'PAR1', 'PAR1'])
    expect(linesAtTerminal(80, args, root).join(' ')).toMatch(/Parquet is not for a terminal/)
  }
})

test('metrics prints every value of the chosen series', async () => {
  const { stdout } = await program('metrics', 'run-1', '@latest', '--metric', 'l*')
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map((row) => row.split(','))
  expect(rows[0]).toEqual(['run', 'metric', 'step', 'time', 'value', 'logged_by'])
  expect(rows.slice(1).map(([run, metric, step]) => `${run} ${metric} ${step}`)).toEqual(
    ['run-1', 'run-2'].flatMap((run) => [0, 1, 2].map((step) => `${run} loss ${step}`)),
  )
})

test('plot draws lines in a terminal and in SVG, and lists what has one value', async () => {
  const { code, stdout } = await program('plot', 'run-0', 'run-2')
  expect(code).toBe(0)
  expect(stdout).toMatch(/\nloss\n +1.5 │[\u2800-\u28ff]/)
  expect(stdout).toContain('accuracy\t0.5\t0.9\n')
  const path = join(root, 'loss.svg')
  expect((await program('plot', 'run-0', 'run-2', '--log', '--smooth', '0.5', '-o', path)).code).toBe(0)
  const svg = readFileSync(path, 'utf8')
  expect(svg).toContain('prefers-color-scheme:dark')
  expect(svg).toContain('>accuracy<')
  expect((await program('plot', 'run-0', '--smooth', '1')).code).toBe(2)
  expect(await program('plot', 'run-0', '-o', 'picture.pdf')).toMatchObject({ code: 2, stdout: '' })
  expect((await program('plot', 'run-0', '--format', 'svg')).stdout).toMatch(/^<svg [^]*<\/svg>\n$/)
})

test.skipIf(!HAS_FONTS)('plot writes a PNG into a file or a pipe, and never to a terminal', async () => {
  const png = join(root, 'loss.png')
  expect((await program('plot', 'run-0', '-o', png)).code).toBe(0)
  expect(readFileSync(png).subarray(0, 8).toString('latin1')).toBe('\u0089PNG\r\n\u001a\n')
  expect((await program('plot', 'run-0', '--format', 'png')).stdout).toContain('PNG')
  expect(linesAtTerminal(80, ['plot', 'run-0', '--format', 'png'], root).join(' ')).toContain(
    'a PNG is not for a terminal',
  )
})

test('any number of runs are compared with a base', async () => {
  const { code, stdout } = await program('diff', 'run-0', 'run-1', 'run-2', '--columns', 'metrics.loss')
  expect(code).toBe(1)
  expect(stdout.split('\n').map((row) => row.split('\t')[0])).toEqual(['run-0', 'run-1', 'run-2', ''])
  const report = (
    await program('diff', 'run-1', 'run-2', '--base', 'run-0', '--columns', 'notes', '--markdown')
  ).stdout
  expect(report).toContain('# Runs compared with run-0\n')
  expect(report).toContain('&lt;b\\>')
  expect(report).not.toContain('\u001b')
  expect((await program('diff', 'run-0', 'run-1', 'run-2', '--plot', 'x.svg')).code).toBe(2)
})

test('tree shows every run', async () => {
  const { stdout } = await program('tree')
  const ids = stdout
    .trimEnd()
    .split('\n')
    .map((row) => row.split('  ')[0])
  expect(ids).toEqual(['run-0', 'run-1', 'run-2'])
})
