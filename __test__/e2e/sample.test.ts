import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folderOf, paint } from '../support/folder.ts'
import { lineaprint } from '../support/program.ts'
import { floats, safetensors } from '../support/safetensors.ts'

const BLOCK = 16_384
const LARGE = paint(1000 * BLOCK)

test('a sample is written in full, and what was left out is said on stderr', async () => {
  const cwd = folderOf({ large: LARGE, small: '1', 'd/a': '1', 'd/b': '2', 'd/c': '3' })
  const { code, stdout, stderr } = await lineaprint(['hash', '--sample', '1/100', 'large', 'small', 'd'], {
    cwd,
  })
  expect(code).toBe(0)
  expect(stdout.split('\n')).toEqual([
    expect.stringMatching(
      /^sampled\(file,strided,share=1\/100,unit=bytes\/16384\)\.v1\.blake3:[0-9a-f]{64} {2}large$/,
    ),
    // One block: read whole.
    expect.stringMatching(/^[0-9a-f]{64} {2}small$/),
    expect.stringMatching(/^sampled\(tree,strided,share=1\/100,unit=file\)\.v1\.blake3:[0-9a-f]{64} {2}d$/),
    '',
  ])
  expect(stderr.split('\n')).toEqual([
    'lineaprint: sample: large: read 10 of 1,000 blocks (1 %), 164 kB of 16.4 MB; chance that a change is missed: 99 % for 1, 34.69 % for 100 changed blocks',
    'lineaprint: sample: d: read 2 of 3 files (66.7 %), 2 B of 3 B; chance that a change is missed: 33.33 % for 1 changed files',
    '',
  ])
})

test('a line of a sample is not one that sha256sum -c or b3sum -c takes', async () => {
  const cwd = folderOf({ large: LARGE })
  for (const algorithm of ['sha256', 'both']) {
    const { stdout } = await lineaprint(['hash', '-a', algorithm, '--sample', '5', 'large'], { cwd })
    writeFileSync(join(cwd, 'sums'), stdout)
    expect(spawnSync('sha256sum', ['-c', 'sums'], { cwd }).status, algorithm).not.toBe(0)
    expect(stdout).toMatch(
      /^(sampled\(file,strided,count=5,unit=bytes\/16384\)\.v1\.[a-z0-9]+:\S+ {2}large\n)+$/,
    )
  }
})

test('strategy, seed and threshold', async () => {
  const cwd = folderOf({ large: LARGE })
  const run = async (...args: string[]): Promise<string> =>
    (await lineaprint(['hash', '--sample', '0.5%', ...args, 'large'], { cwd })).stdout.split(':')[0] ?? ''
  expect(await run('--sample-strategy', 'random', '--sample-seed', '18446744073709551615')).toBe(
    'sampled(file,random,seed=18446744073709551615,share=1/200,unit=bytes/16384).v1.blake3',
  )
  expect(await run('--sample-strategy', 'blocks', '--sample-above', '999')).toBe(
    'sampled(file,blocks,share=1/200,unit=bytes/16384).v1.blake3',
  )
  expect(await run('--sample-above', '1000')).toMatch(/^[0-9a-f]{64} {2}large\n$/)
})

test('--json has the report', async () => {
  const cwd = folderOf({ large: LARGE })
  const { stdout, stderr } = await lineaprint(['hash', '--json', '--sample', '10', 'large'], { cwd })
  expect(stderr).toBe('')
  const [row] = JSON.parse(stdout) as { digests: object; sample: object }[]
  expect(row?.sample).toMatchObject({
    unit: 'bytes/16384',
    units: 1000,
    read: 10,
    share: 0.01,
    bytesRead: 10 * BLOCK,
    missProbability: { 1: expect.closeTo(0.99) as number, 1000: 0 },
  })
})

test('the tables of a model and a dataset show the sample', async () => {
  const cwd = folderOf({
    'm.safetensors': safetensors({ w: floats(Array.from({ length: 1000 }, () => 1)) }),
    'data/a': '1',
    'data/b': '22',
    'data/c': '333',
  })
  const rows = async (...args: string[]): Promise<Record<string, string>> => {
    const { stdout } = await lineaprint(args, { cwd })
    return Object.fromEntries(stdout.split('\n').map((line) => line.split('\t') as [string, string]))
  }
  expect(await rows('model', 'm.safetensors', '--sample', '1%')).toMatchObject({
    weights: expect.stringMatching(/^sampled\(weights,strided,share=1\/100,unit=element\)/) as string,
    read: '10 of 1,000 elements (1 %), 40 B of 4.00 kB',
    missed: '99 % for 1, 34.69 % for 100 changed elements',
  })
  expect(await rows('dataset', 'data', '--sample', '2')).toMatchObject({
    digest: expect.stringMatching(/^sampled\(tree,strided,count=2,unit=file\)/) as string,
    read: '2 of 3 files (66.7 %), 4 B of 6 B',
  })
  expect(await rows('dataset', 'data', '--sample', '3')).toMatchObject({
    digest: expect.stringMatching(/^tree\.v1/) as string,
    read: expect.stringMatching(/^all of 3 files/) as string,
  })
  const tensors = await lineaprint(['hash', '--tensors', '--sample', '1%', 'm.safetensors'], { cwd })
  expect(tensors.stdout).toMatch(
    /^sampled\(tensor,strided,share=1\/100,unit=element\)\S+ {2}F32 \[1000\] w\n$/,
  )
})

test('wrong usage is one line and exit code 2', async () => {
  const cwd = folderOf({ file: 'x' })
  for (const args of [
    ['--sample', '0', 'file'],
    ['--sample', '2/1', 'file'],
    ['--sample', 'some', 'file'],
    ['--sample', '-5', 'file'],
    ['--sample', '5', '--sample-seed', '1', 'file'],
    ['--sample', '5', '--sample-strategy', 'random', '--sample-seed', '1.5', 'file'],
    ['--sample', '5', '--sample-strategy', 'every', 'file'],
    ['--sample-above', '5', 'file'],
    ['--sample', '5', '-'],
    ['--sample', '5', '--part', '1/2', 'file'],
    ['--sample', '5', '--cache', 'file'],
  ]) {
    const { code, stdout, stderr } = await lineaprint(['hash', ...args], { cwd })
    expect({ code, stdout, lines: stderr.trim().split('\n').length }, args.join(' ')).toEqual({
      code: 2,
      stdout: '',
      lines: 1,
    })
  }
})

test('a sparse file of 100 GB from the outside', async () => {
  const cwd = folderOf({})
  execFileSync('truncate', ['-s', '100G', 'sparse'], { cwd })
  const started = performance.now()
  const { code } = await lineaprint(['hash', '--sample', '1/1000', 'sparse'], { cwd })
  console.log(`lineaprint hash --sample 1/1000, 100 GB: ${Math.round(performance.now() - started)} ms`)
  expect(code).toBe(0)
})
