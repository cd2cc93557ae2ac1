import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashTable } from '../../src/dataset/table.ts'
import { emptyRepository, git } from '../capture/fixture.ts'
import { folderOf } from '../support/folder.ts'
import { lineaprint } from '../support/program.ts'
import { linesAtTerminal } from '../support/terminal.ts'

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts')
const FOLDER = join(import.meta.dirname, '../../vectors/tables')

test('a dataset that is a table shows its rows and columns', async () => {
  const cwd = folderOf({ 'a.csv': 'x,"y,z"\n1,2\n3,4\n', 'bad.csv': 'a,b\n1\n', 'a.jsonl': '{"a":1}\n' })
  copyFileSync(join(FOLDER, '02.parquet'), join(cwd, 'a.parquet'))
  const { stdout } = await lineaprint(['dataset', 'a.csv'], { cwd })
  const { digest } = await hashTable(join(cwd, 'a.csv'))
  expect(stdout.split('\n').slice(4)).toEqual([
    `table\t${digest.toString()}`,
    'format\tcsv',
    'rows\t2',
    'columns\t2',
    'column\tx  utf8  1 byte',
    'column\ty,z  utf8  1 byte',
    '',
  ])
  const parquet = await lineaprint(['dataset', 'a.parquet', '--json', '--algorithm', 'sha256'], { cwd })
  expect(JSON.parse(parquet.stdout)).toMatchObject({
    kind: 'file',
    digest: expect.stringMatching(/^sha256:/) as string,
    table: {
      format: 'parquet',
      digest: expect.stringMatching(/^table\.v1\.sha256:/) as string,
      rows: 3,
      columns: [{ name: 'id', type: 'int64' }, { name: 'name' }, { name: 'score', type: 'float64' }],
    },
  })
  const bad = await lineaprint(['dataset', 'bad.csv'], { cwd })
  expect(bad).toMatchObject({ code: 3, stderr: expect.stringContaining('no table digest') as string })
  expect(bad.stdout).toMatch(/^digest\tblake3:/)
  expect(bad.stdout).not.toContain('table')
  const json = await lineaprint(['dataset', 'bad.csv', '--json'], { cwd })
  expect(json.code).toBe(3)
  expect(JSON.parse(json.stdout)).toMatchObject({ kind: 'file', warnings: [expect.any(String) as string] })
  expect((await lineaprint(['dataset', 'a.jsonl'], { cwd })).stdout).not.toContain('table')
  // What is no table at all is no table either.
  for (const [name, text] of [
    ['page.parquet', '<!DOCTYPE html><html>'],
    ['pointer.csv', 'version https://git-lfs.github.com/spec/v1\n'],
    ['archive.arrow', 'PK\u0003\u0004'],
  ] as const) {
    writeFileSync(join(cwd, name), text)
    const disguised = await lineaprint(['dataset', name], { cwd })
    expect(disguised).toMatchObject({ code: 3, stdout: expect.stringMatching(/^digest\tblake3:/) as string })
    expect(disguised.stderr).toContain('not what its name says')
  }
})

test('two tables are compared by columns, and other files as files', async () => {
  const cwd = folderOf({
    'a.csv': 'x,y\n1,2\n3,4\n',
    'b.csv': '"x","y"\r\n1,2\r\n3,4\r\n',
    'c.csv': 'y,z\n2,1\n5,1\n6,1\n',
    'bad.csv': 'x,y\n1\n',
    'text.txt': 'x,y\n',
  })
  const diff = (...args: string[]): ReturnType<typeof lineaprint> => lineaprint(['diff', ...args], { cwd })
  expect(await diff('a.csv', 'b.csv')).toMatchObject({ code: 0, stdout: '' })
  expect(await diff('a.csv', 'b.csv', '--as', 'file')).toMatchObject({ code: 1 })
  const other = await diff('a.csv', 'c.csv')
  expect(other.code).toBe(1)
  expect(other.stdout.split('\n').map((line) => line.split('\t'))).toEqual([
    ['rows', '', '2', '3', ''],
    ['changed', 'y', 'utf8', 'utf8', '0-1'],
    ['added', 'z', '', 'utf8', ''],
    ['removed', 'x', 'utf8', '', ''],
    ['rows not-checked', 'the columns differ', '', '', ''],
    [''],
  ])
  const json = await diff('a.csv', 'c.csv', '--json')
  expect(JSON.parse(json.stdout)).toMatchObject({ kind: 'table', same: false, counts: { added: 1 } })
  const bad = await diff('a.csv', 'bad.csv')
  expect(bad).toMatchObject({ code: 1, stdout: 'changed\tbad.csv\t\t12\t6\n' })
  expect(bad.stderr).toContain('compared as files')
  expect(await diff('a.csv', 'bad.csv', '--as', 'table')).toMatchObject({ code: 3, stdout: '' })
  expect(await diff('a.csv', 'text.txt')).toMatchObject({ code: 1, stdout: 'changed\ttext.txt\t\t12\t4\n' })
})

test('JSON lines are a table under a schema, also those of a folder', async () => {
  const cwd = folderOf({
    'a.jsonl': '{"id":1,"t":"a"}\n{"id":2,"t":"b"}\n',
    'b.jsonl': '{"t":"a","id":1}\n{"id":2,"t":"c"}\n',
    'c/1.jsonl': '{"id":1,"t":"a"}\n',
    'c/2.jsonl': '{"id":2,"t":"b"}\n',
  })
  const under = ['--schema', '{"id":"int64","t":"utf8"}']
  const rows = await lineaprint(['diff', 'a.jsonl', 'b.jsonl', ...under, '--key', 'id', '--rows', '1'], {
    cwd,
  })
  expect(rows).toMatchObject({ code: 1 })
  expect(rows.stdout.split('\n')).toContain('row changed\tt\tb\tc\t1')
  expect(await lineaprint(['diff', 'a.jsonl', 'c', ...under], { cwd })).toMatchObject({ code: 0, stdout: '' })
  // Rows in a folder that is compared would be a part of its table.
  mkdirSync(join(cwd, 'd'))
  writeFileSync(join(cwd, 'd/1.jsonl'), '{"id":1,"t":"z"}\n')
  const inside = await lineaprint(['diff', 'c', 'd', ...under, '--output', 'd/rows.parquet'], { cwd })
  expect(inside).toMatchObject({ code: 2, stdout: '' })
  expect(inside.stderr).toContain('outside of both folders')
  expect(existsSync(join(cwd, 'd/rows.parquet'))).toBe(false)
  const outside = await lineaprint(['diff', 'c', 'd', ...under, '--output', 'rows.parquet'], { cwd })
  expect(outside).toMatchObject({ code: 1 })
  expect(existsSync(join(cwd, 'rows.parquet'))).toBe(true)
  // Without a schema they are files.
  const files = await lineaprint(['diff', 'a.jsonl', 'b.jsonl'], { cwd })
  expect(files).toMatchObject({ code: 1, stdout: expect.stringMatching(/^changed\tb\.jsonl\t/) as string })
  expect(await lineaprint(['diff', 'c', 'c', ...under, '--as', 'folder'], { cwd })).toMatchObject({ code: 2 })
})

test('all rows that may be listed are listed', async () => {
  const rows = Array.from({ length: 100_000 }, (_, index) => `${index},x\n`).join('')
  const cwd = folderOf({
    'a.csv': `id,v\n${rows}`,
    'b.csv': 'id,v\n',
    'c.csv': 'v\nx\ny\nx\n',
    'd.csv': 'v\ny\nx\n',
  })
  const { stdout, stderr } = await lineaprint(['diff', 'a.csv', 'b.csv', '--rows', '100000'], { cwd })
  expect(stderr).toBe('')
  expect(stdout.split('\n').filter((line) => line.startsWith('row removed\t'))).toHaveLength(200_000)
  // Which copy was removed is a choice, so that the order is not certain.
  const copies = await lineaprint(['diff', 'c.csv', 'd.csv'], { cwd })
  expect(copies.stdout).toContain('rows order\t\t\tuncertain\t')
  const key = await lineaprint(['diff', 'c.csv', 'd.csv', '--key', ''], { cwd })
  expect(key).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--key') as string })
})

test('the exit code is the answer also if the reader of the output has ended', async () => {
  const names = Array.from({ length: 20_000 }, (_, index) => `${'0'.repeat(64)}  f${index}\n`)
  const rows = names.map((name) => `${name.trim()},x\n`).join('')
  const cwd = folderOf({ 'a.csv': `id,v\n${rows}`, 'b.csv': 'id,v\n', sums: names.join('') })
  const code = (argv: string): number | null =>
    spawnSync('bash', ['-c', `set -o pipefail; "${process.execPath}" "${MAIN}" ${argv} | head -n 1`], { cwd })
      .status
  expect(code('diff a.csv b.csv --rows 20000')).toBe(1)
  expect(code('diff a.csv b.csv --rows 20000 --json')).toBe(1)
  expect(code('dataset --leaks x=a.csv y=a.csv --examples 20000')).toBe(1)
  expect(code('check sums')).toBe(1)
})

test('on a terminal, cells that differ do not look the same', () => {
  const line = (id: number, t: string | null): string => `${JSON.stringify({ id, t })}\n`
  const [long, after] = ['x'.repeat(100), '\u00e9']
  const cwd = folderOf({
    'a.jsonl': [line(1, null), line(2, 'a'), line(3, ''), line(4, `${long}a`), line(5, after)].join(''),
    'b.jsonl': [line(1, 'null'), line(2, 'a '), line(3, null), line(4, `${long}b`), line(5, 'e\u0301')].join(
      '',
    ),
  })
  const args = ['--schema', '{"id":"int64","t":"utf8"}', '--key', 'id', '--rows', '9']
  const lines = linesAtTerminal(40, ['diff', 'a.jsonl', 'b.jsonl', ...args], cwd)
  expect(lines.filter((each) => each.startsWith('    '))).toEqual([
    '    t: null → "null"',
    '    t: a → "a "',
    '    t: "" → null',
    '    t:',
    '      - …xxxxxxxxxxa',
    '      + …xxxxxxxxxxb',
    `    t: ${after} → e\u0301 (another Unicode form)`,
  ])
})

test('a run again whose output has other bytes and the same table is reproduced: 0', async () => {
  const root = emptyRepository()
  writeFileSync(join(root, 'in.csv'), 'id,loss\n1,0.5\n2,0.25\n')
  git(root, 'add', '-A')
  git(root, 'commit', '-q', '-m', 'base')
  // In the work tree that is made for it, the program ends lines in another way.
  const source = `
    const fs = require('fs')
    const again = process.cwd().endsWith('tree')
    const text = fs.readFileSync('in.csv', 'utf8').replace('0.25', again ? process.argv[1] : '0.25')
    fs.writeFileSync('out.csv', again ? text.replaceAll('\\n', '\\r\\n') : text)`
  const run = async (loss: string): Promise<void> => {
    const inputs = ['--dataset', 'in=in.csv', '--output', 'rows=out.csv']
    const args = ['run', ...inputs, '--', process.execPath, '-e', source, loss]
    const env = { LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING: 'false' }
    expect(await lineaprint(args, { cwd: root, env })).toMatchObject({ code: 0 })
  }
  const reproduce = (...more: string[]): ReturnType<typeof lineaprint> =>
    lineaprint(['reproduce', '@latest', '--into', join(folderOf(), 'tree'), ...more], { cwd: root })
  await run('0.25')
  const same = await reproduce()
  expect(same.stdout).toContain('same-table\toutputs\trows\tthe bytes differ, the table is the same\n')
  expect(same.code).toBe(0)
  await run('0.26')
  const other = await reproduce()
  expect(other.stdout).toContain('different\toutputs\trows\t1 of 2 columns differ: loss\n')
  expect(other.code).toBe(1)
  const near = await reproduce('--tolerance', '0.02')
  expect(near.stdout).toMatch(/^within-tolerance\toutputs\trows\tno value differs by more than 0\.01/m)
  expect(near.code).toBe(0)
})
