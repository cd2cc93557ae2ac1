/** One project of a server: a folder that is a store, what arrives for it, and its index. */
import { readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { ProjectIndex } from '../../database/team/project-index.ts'
import { KeyedQueue } from '../../util/keyed-queue.ts'
import { isMissing, pathExists } from '../../util/fs.ts'
import { isRunId } from '../../core/run-id.ts'
import { sweepAbandoned } from '../../store/abandoned.ts'
import { removeRunFolder, sweepRemoved } from '../../store/remove-folder.ts'
import { Contents, indexedContents } from '../contents.ts'
import { Downloads } from '../downloads.ts'
import { LiveMetrics } from '../live-metrics.ts'
import { RunLists } from '../run-lists.ts'
import { RunReader } from '../run-reader.ts'
import { Incoming } from './incoming.ts'
import type { TeamAdministration } from '../../database/team/administration.ts'
import type { RunId } from '../../core/run-id.ts'
import type { Store } from '../../store/store.ts'

/** A project. */
export interface Project {
  readonly name: string
  readonly store: Store
  readonly index: ProjectIndex
  readonly lists: RunLists
  readonly reader: RunReader
  readonly contents: Contents
  readonly downloads: Downloads
  readonly incoming: Incoming
  /** Work that changes a run, by its id. */
  readonly changes: KeyedQueue
}

/** Name of a folder with a run that a finished one is about to replace. */
const REPLACED = /^\.replaced-(.+)$/

/** Return the name under which a run stands aside while another takes its place. */
export function replacedName(id: RunId): string {
  return `.replaced-${id}`
}

/** Return the store of a project. @param root Absolute path of the folder of the server. */
export function projectStore(root: string, project: string): Store {
  const folder = join(root, 'projects', project)
  return { root: folder, runs: join(folder, 'runs') }
}

/** Open a project, and complete what a server that was killed had begun. @param name A checked name. */
export async function openProject(
  root: string,
  { address, outage }: TeamAdministration,
  name: string,
): Promise<Project> {
  const store = projectStore(root, name)
  const index = new ProjectIndex(address, name, store, outage)
  const reader = new RunReader(store)
  const incoming = new Incoming(join(store.root, 'incoming'))
  await incoming.sweep('start')
  await restoreReplaced(store)
  await sweepRemoved(store.runs)
  await sweepAbandoned(store.runs)
  return {
    name,
    store,
    index,
    lists: new RunLists(index, new LiveMetrics(store)),
    reader,
    contents: new Contents(store, indexedContents(index, reader)),
    downloads: new Downloads(),
    incoming,
    changes: new KeyedQueue(),
  }
}

/** Put runs back that stood aside when the server was killed, or remove them if the other one took their place. */
async function restoreReplaced({ runs }: Store): Promise<void> {
  const names = await readdir(runs).catch((error: unknown) => {
    if (isMissing(error)) return []
    throw error
  })
  for (const name of names) {
    const id = REPLACED.exec(name)?.[1]
    if (id === undefined || !isRunId(id)) continue
    if (await pathExists(join(runs, id), 'keep')) await removeRunFolder(join(runs, name))
    else await rename(join(runs, name), join(runs, id))
  }
}
