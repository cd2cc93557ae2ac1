/** The approval of a run whose command, changes and packages may be those of a stranger. */
import { LineaprintError } from '../core/errors.ts'
import { BUNDLE_FILE } from '../capture/git/bundle.ts'
import { isMadeHere } from '../store/made-here.ts'
import { plannedManagers } from './rebuild/planned.ts'
import type { StoredRun } from '../store/runs.ts'
import type { RecordedTree } from './preflight.ts'
import type { FileTotal, ReproduceOptions, ReproductionPlan } from './types.ts'

/**
 * Ask for the approval of a run that is not known to be made by this user on this machine.
 *
 * @param run With a record and files that were checked against the seal.
 * @throws ERR_LINEAPRINT_ARGUMENT if it is not approved.
 */
export async function requireApproval(
  run: StoredRun,
  tree: RecordedTree,
  { run: runs, rebuild, approve }: ReproduceOptions,
): Promise<void> {
  // To restore the files starts nothing that the record names: git ignores the settings of the repository.
  if (runs === false && rebuild !== true) return
  if (approve === true || (await isMadeHere(run.record))) return
  if (approve !== undefined && (await approve(planOf(run, tree, runs !== false, rebuild === true)))) return
  throw new LineaprintError(
    'ERR_LINEAPRINT_ARGUMENT',
    'this user is not known to have made the run on this machine, and what it would start is not approved',
    {
      path: run.folder,
      field: 'approve',
      expected: 'approval: --yes, or the option approve',
      received: approve === undefined ? 'none' : 'a refusal',
      hint: 'inspect the run with "lineaprint show" and its folder first; --no-run without --rebuild only restores files',
    },
  )
}

function planOf(
  { record }: StoredRun,
  { directory }: RecordedTree,
  runs: boolean,
  isRebuilt: boolean,
): ReproductionPlan {
  const total = (isCounted: (path: string) => boolean): FileTotal => {
    const sizes = record.files.flatMap((file) => ('size' in file && isCounted(file.path) ? [file.size] : []))
    return { count: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) }
  }
  return {
    id: record.id,
    name: record.name,
    host: record.process.host,
    ...(runs && { argv: record.command.argv }),
    directory,
    patches: total((path) => /^git\/[^/]+\.patch$/.test(path)),
    untracked: total((path) => path.startsWith('git/untracked/')),
    bundle: total((path) => path === `git/${BUNDLE_FILE}`),
    managers: isRebuilt ? plannedManagers(record) : [],
  }
}
