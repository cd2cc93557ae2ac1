/** Python programs that start their run themselves, without `lineaprint run`. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { FAST } from '../runs/support.ts'
import { folderOf } from '../../support/folder.ts'
import { BRIDGE, PYTHON, start } from './support.ts'
import type { RunRecord } from '../../../src/record/record.ts'
import type { Outcome } from '../../support/program.ts'

/** The command under test, for LINEAPRINT_COMMAND. */
export const COMMAND: string = `${process.execPath} ${resolve(process.env['TEST_PROGRAM'] ?? 'src/cli/main.ts')}`

/** What a program left that started runs itself. */
export interface StandaloneRun extends Outcome {
  readonly root: string
  readonly folders: readonly string[]
  readonly records: readonly RunRecord[]
  /** The record of the only run. */
  readonly record: RunRecord
  /** The lines of stdout as JSON. */
  readonly said: readonly unknown[]
}

/** Options of {@link standalone}. */
export interface StandaloneOptions {
  readonly root?: string
  readonly interpreter?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** False for a program whose recorder cannot end its run. @default true */
  readonly waits?: boolean
}

const HEAD = `import json, os, sys
def say(*values): print(*[json.dumps(value) for value in values], sep="\\n", flush=True)
`

/** Runs a program that imports lineaprint, and waits until its runs have ended. */
export async function standalone(source: string, options: StandaloneOptions = {}): Promise<StandaloneRun> {
  const { root = folderOf(), interpreter = [PYTHON], env = {}, waits = true } = options
  writeFileSync(join(root, 'program.py'), HEAD + source)
  const outcome = await start([...interpreter, 'program.py'], root, {
    ...FAST,
    PYTHONPATH: BRIDGE,
    LINEAPRINT_COMMAND: COMMAND,
    ...env,
  })
  const folders = waits ? await endedRuns(root) : []
  const records = folders.map((folder) => recordIn(folder))
  const said = outcome.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown)
  const [record] = records
  return { ...outcome, root, folders, records, record: record as RunRecord, said }
}

/** The folders of the runs of a store, in the order of their start, once none of them is running. */
export async function endedRuns(root: string): Promise<string[]> {
  const runs = join(root, '.lineaprint', 'runs')
  if (!existsSync(runs)) return []
  const end = performance.now() + 60_000
  for (;;) {
    const folders = readdirSync(runs).map((id) => join(runs, id))
    const records = folders.map((folder) => ({ folder, record: recordIn(folder) }))
    const isOpen = records.some(({ record }) => record.status === 'running')
    if (!isOpen || performance.now() > end)
      return records
        .toSorted((a, b) => (a.record.startedAt < b.record.startedAt ? -1 : 1))
        .map(({ folder }) => folder)
    await new Promise((done) => setTimeout(done, 50))
  }
}

function recordIn(folder: string): RunRecord {
  return JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as RunRecord
}
