/** The checks at the end of the round `live`: the runs of a server are those of its clients. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readRun } from '../src/store/runs.ts'
import { runFolder, storeIn } from '../src/store/store.ts'
import { pushRun } from '../src/transfer/push.ts'
import { isRunId } from '../src/core/run-id.ts'
import { PROJECT } from './support/live-writers.ts'
import type { TeamClient } from '../src/server/team/client.ts'
import type { LiveRun } from './support/live-writers.ts'
import type { Control, Tally } from './support/round.ts'

interface Runs {
  readonly runs: readonly LiveRun[]
  /** Folder in which the clients have their store. */
  readonly store: string
  /** Folder of the server. */
  readonly objects: string
  readonly client: TeamClient
  readonly tally: Tally
}

/** Return the folder of the project on the server. */
export function projectFolder(objects: string): string {
  return join(objects, 'projects', PROJECT)
}

/** Return the folder of a run on the server. */
export function runFolderOf(objects: string, id: string): string {
  return join(projectFolder(objects), 'runs', id)
}

/** Complete the runs whose end could not be sent, and compare all. */
export async function judgeRuns(
  all: Runs,
): Promise<{ readonly completed: number; readonly control: Control }> {
  const completed = await complete(all)
  const { runs, client, objects, tally } = all
  for (const run of runs) tally.count(difference(all, run))
  for (const run of runs) if (run.isKept) await checkKept(all, run)
  await checkList(client, runs, tally)
  await checkAudit(client, runs, tally)
  for (const folder of ['runs', 'incoming'])
    for (const name of readdirSync(join(projectFolder(objects), folder)))
      // What a killed start left is removed once it is old.
      if (name.startsWith('.') && !name.startsWith('.new-'))
        tally.fail(`${folder} of the server still has ${name}`)
  return { completed, control: control(all) }
}

/** Send what the end of a run could not, as its warning says. */
async function complete({ runs, store, client, tally }: Runs): Promise<number> {
  let completed = 0
  for (const { id, warnings } of runs) {
    for (const warning of warnings)
      if (!/^the run was not fully sent to .*; to complete it: lineaprint push /.test(warning))
        tally.fail(`${id} has the warning: ${warning}`)
    if (warnings.length === 0) continue
    await pushRun(client, await readRun(folderOf(store, id)))
    completed++
  }
  return completed
}

function folderOf(store: string, id: string): string {
  if (!isRunId(id)) throw new Error(`${id} is no id`)
  return runFolder(storeIn(store), id)
}

/** Say how a run on the server differs from the one in the store. */
function difference({ store, objects }: Omit<Runs, 'runs'>, { id, values }: LiveRun): string | undefined {
  const here = folderOf(store, id)
  const copy = runFolderOf(objects, id)
  try {
    for (const name of ['events.jsonl', 'run.json'])
      if (!readFileSync(join(here, name)).equals(readFileSync(join(copy, name))))
        return `${name} of ${id} differs`
    const logged = readFileSync(join(copy, 'events.jsonl'), 'utf8')
      .split('\n')
      .filter((line) => line.includes('"type":"metric"'))
    return logged.length === values
      ? undefined
      : `${id} logged ${values} values, and the server has ${logged.length}`
  } catch (error) {
    return `${id}: ${String(error)}`
  }
}

/** Check that the server has what a run kept: a push finds nothing to send. */
async function checkKept({ store, client, tally }: Runs, { id }: LiveRun): Promise<void> {
  const { state, sent, missingObjects } = await pushRun(client, await readRun(folderOf(store, id)))
  if (state !== 'unchanged' || sent > 0 || missingObjects.length > 0)
    tally.fail(
      `the kept output of ${id} was not there: ${state}, ${sent} sent, ${missingObjects.length} missing`,
    )
}

/** Check that the list, which comes from the database, has every run, and no other. */
async function checkList(client: TeamClient, runs: readonly LiveRun[], tally: Tally): Promise<void> {
  const { damaged } = await client.runs({ limit: 1 })
  for (const { id, message } of damaged) tally.fail(`${id} is damaged: ${message}`)
  const listed = new Map<string, string>()
  for await (const { id, status } of client.allRuns()) {
    if (listed.has(id)) tally.fail(`${id} is in the list twice`)
    listed.set(id, status)
  }
  if (listed.size !== runs.length) tally.fail(`the list has ${listed.size} of ${runs.length} runs`)
  for (const { id } of runs)
    if (listed.get(id) !== 'finished') tally.fail(`${id} is listed as ${listed.get(id) ?? 'no run'}`)
}

/** Check that the audit log tells of each run, once. */
async function checkAudit(client: TeamClient, runs: readonly LiveRun[], tally: Tally): Promise<void> {
  const times = new Map<string, number>()
  for (let before: number | undefined; ;) {
    const { entries } = await client.audit({ limit: 1000, ...(before !== undefined && { before }) })
    for (const { action, subject } of entries) {
      const key = `${action} ${subject}`
      times.set(key, (times.get(key) ?? 0) + 1)
    }
    before = entries.at(-1)?.number
    if (before === undefined) break
  }
  for (const { id } of runs)
    if (!times.has(`run.push ${id}`)) tally.fail(`the audit log does not tell who sent ${id}`)
}

function control({ runs, ...all }: Runs): Control {
  const what = 'a journal of which one byte was changed'
  const [first] = runs
  if (first === undefined) return { what, tried: 0, caught: 0 }
  const path = join(runFolderOf(all.objects, first.id), 'events.jsonl')
  if (!existsSync(path)) return { what, tried: 0, caught: 0 }
  const bytes = readFileSync(path)
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
  writeFileSync(path, bytes)
  return { what, tried: 1, caught: difference(all, first) === undefined ? 0 : 1 }
}
