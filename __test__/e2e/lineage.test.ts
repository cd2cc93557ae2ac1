/** `lineaprint lineage`, `lineaprint run --from`, and the example of both. */
import { cpSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { lineageToSvg } from '../../src/lineage/svg.ts'
import { folderOf } from '../support/folder.ts'
import { lineaprint } from '../support/program.ts'
import { linesAtTerminal } from '../support/terminal.ts'
import { standalone } from './python-bridge/standalone.ts'
import { PYTHON, latestRun, python } from './python-bridge/support.ts'
import { FAST } from './runs/support.ts'
import type { Lineage } from '../../src/lineage/graph.ts'
import type { Outcome } from '../support/program.ts'

const SLOW = { timeout: 120_000 }

async function say(cwd: string, ...args: readonly string[]): Promise<Outcome> {
  return lineaprint(args, { cwd, env: FAST })
}

/** The text with the parts that differ each time replaced. */
function plain(text: string, root: string): string {
  return text
    .replaceAll(`${root}/`, '')
    .replace(/run \d{8}-\d{6}-\w{8}/g, 'run ID')
    .replace(/blake3:([0-9a-f]{6})[0-9a-f]{58}/g, 'blake3:$1')
}

test('examples/lineage: two datasets and a model, from raw data to a picture', SLOW, async () => {
  const root = folderOf()
  cpSync(resolve('examples/lineage'), root, { recursive: true })
  for (const name of ['prepare', 'train']) {
    const { code, stderr } = await say(root, 'run', '--name', name, '--', PYTHON, `${name}.py`)
    expect([code, stderr]).toEqual([0, expect.stringContaining('finished')])
  }
  const { stdout, stderr } = await say(root, 'lineage', 'network')
  expect(plain(stdout, root).replace(/network {2}blake3:\w+/, 'network  DIGEST'))
    .toBe(`output network  DIGEST  network.json
of run ID  train  finished
made from
└─ run ID  train  finished  [recorded]
   └─ dataset data  blake3:083a48  features.csv  [recorded]
      └─ output features  blake3:083a48  features.csv  [inferred: equal digest; of run ID]
         └─ output clean  blake3:17d044  clean.csv  [declared: scale]
            └─ dataset raw  blake3:cabe5b  raw.csv  [declared: drop copies and gaps]
used by  nothing that is recorded
`)
  expect(stderr).toBe('')
  for (const columns of [40, 60, 100]) {
    const lines = linesAtTerminal(columns, ['lineage', 'network'], root)
    expect(lines.filter((line) => line.length > columns)).toEqual([])
    // Nothing of how an edge is known is lost, on as many lines as that takes.
    const words = lines.join(' ').replace(/[│└─… ]+/g, ' ')
    expect(words).toMatch(/\[inferred: equal digest; of run \d{8}-\d{6}-\w{8}\]/)
    expect(words).toContain('[declared: drop copies and gaps]')
  }
  const verified = await say(root, 'lineage', 'raw', '--verify')
  expect([verified.code, verified.stdout]).toEqual([0, expect.stringMatching(/\n\n\d+ edges: \d+ same\n$/)])
  const json = JSON.parse((await say(root, 'lineage', 'network', '--format', 'json')).stdout) as Lineage
  expect((await say(root, 'lineage', 'network', '--format', 'svg')).stdout).toBe(await lineageToSvg(json))
  expect((await say(root, 'lineage', 'network', '--format', 'mermaid')).stdout).toMatch(/^flowchart LR\n/)
  writeFileSync(join(root, 'clean.csv'), 'changed')
  const changed = await say(root, 'lineage', 'network', '--verify')
  expect([changed.code, changed.stdout]).toEqual([1, expect.stringContaining('[declared: scale; changed]')])
})

test('with --from, outputs come from one input', SLOW, async () => {
  const root = folderOf({ a: 'a', b: 'b' })
  const ran = await say(
    root,
    'run',
    '--name',
    'r',
    '--dataset',
    'a=a',
    '--dataset',
    'b=b',
    '--output',
    'c=c',
    '--from',
    'a',
    '--',
    'cp',
    'a',
    'c',
  )
  expect(ran.code).toBe(0)
  expect(latestRun(root).record.derivations).toEqual([{ name: 'c', from: ['a'] }])
  const { edges } = JSON.parse((await say(root, 'lineage', 'c', '--json')).stdout) as Lineage
  expect(edges.map(({ from, evidence }) => `${from.split(' ')[0]} ${evidence}`).toSorted()).toEqual([
    'datasets declared',
    'datasets recorded',
    'run recorded',
  ])
  expect((await say(root, 'run', '--from', 'a', '--', 'true')).code).toBe(2)
})

test('Python declares steps below a wrapper; a mistake is a warning and no end', SLOW, async () => {
  const { record, said, code } = await python(`
import lineaprint
def step(): return 1
open("raw", "w").write("raw")
lineaprint.track_dataset("raw", "raw")
lineaprint.derive("clean", ["raw"], step="copy", params={"rate": 0.1}, code=[step, "program.py"])
lineaprint.derive("clean", [])
lineaprint.derive("clean", 3)
lineaprint.derive("clean", "raw", code="missing.py")
say("went on")
`)
  expect([code, said]).toEqual([0, ['went on']])
  expect(record.derivations).toMatchObject([
    {
      name: 'clean',
      from: ['raw'],
      step: 'copy',
      params: { rate: 0.1 },
      code: [
        { kind: 'source', name: 'step' },
        { kind: 'file', path: expect.stringMatching(/program\.py$/) as string },
      ],
      process: 1,
    },
  ])
  expect(record.warnings.filter((warning) => warning.includes('derive'))).toHaveLength(3)
})

test('Python declares steps in a run that it started itself', SLOW, async () => {
  const { record } = await standalone(`
import lineaprint
with lineaprint.start_run("own"):
    open("raw", "w").write("raw")
    lineaprint.track_dataset("raw", "raw")
    lineaprint.derive("clean", "raw", step="copy")
`)
  expect(record.derivations).toMatchObject([{ name: 'clean', from: ['raw'], step: 'copy' }])
})

test('names of others cannot control a terminal, and lines fit a narrow one', SLOW, async () => {
  const root = folderOf({ a: 'a' })
  const name = 'x\u001b[31m\u202e'
  await say(root, 'run', '--name', 'r', '--dataset', `${name}=a`, '--', 'true')
  const { stdout } = await say(root, 'lineage', 'r')
  expect(stdout).toContain('dataset x\\x1b[31m\\u202e')
  expect(stdout).not.toMatch(/[\u001b\u202e]/)
  for (const line of linesAtTerminal(44, ['lineage', 'r'], root)) expect(line.length).toBeLessThanOrEqual(44)
})

test('a name that is nowhere is an error in one line, and as JSON', async () => {
  const root = folderOf({ 'data.csv': 'a' })
  const { code, stderr } = await say(root, 'lineage', 'data.csv')
  expect([code, stderr]).toEqual([3, expect.stringContaining('give the digest that "lineaprint dataset"')])
  const json = await say(root, 'lineage', 'data.csv', '--json')
  expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: 'ERR_LINEAPRINT_RUN' } })
})
