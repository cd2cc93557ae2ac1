/** Copies of a record that the configuration requests. */
import { join } from 'node:path'
import { writeAtomic } from '../util/fs.ts'
import { safeFileName } from '../core/run-id.ts'
import { toJson } from './json.ts'
import type { RunRecord } from '../record/record.ts'

/** The format of a copy. */
export type ExportFormat = 'json' | 'yaml'

/** Names of the copies in the folder of a run. */
export const EXPORT_FILES: Readonly<Record<ExportFormat, string>> = {
  json: 'experiment.json',
  yaml: 'experiment.yaml',
}

/** Format a record. */
export async function formatExport(record: RunRecord, format: ExportFormat): Promise<string> {
  if (format === 'json') return toJson(record)
  // Loaded on demand: few runs need it, and every run would wait for the import.
  const { toYaml } = await import('./yaml.ts')
  return toYaml(record)
}

/** Return the name of the copy that always holds the newest run of an experiment. */
export function latestName(experimentName: string, format: ExportFormat): string {
  return `${safeFileName(experimentName)}_latest.${format}`
}

/** The options about copies. */
export interface CopyOptions {
  readonly saveToJson: boolean
  readonly saveToYaml: boolean
}

function formatsOf({ saveToJson, saveToYaml }: CopyOptions): ExportFormat[] {
  return [...(saveToJson ? ['json' as const] : []), ...(saveToYaml ? ['yaml' as const] : [])]
}

/** Return the names of the copies that the configuration puts into the folder of a run. */
export function exportNames(options: CopyOptions): string[] {
  return formatsOf(options).map((format) => EXPORT_FILES[format])
}

/**
 * Write the copies: `experiment.json` into the folder of the run and `<name>_latest.json` into the store, and
 * the same in YAML. Each is replaced atomically: a reader never sees half a file.
 *
 * @param mode Mode of the files.
 * @throws ERR_LINEAPRINT_STORE if one cannot be written.
 */
export async function exportRun(
  record: RunRecord,
  runFolder: string,
  storeFolder: string,
  options: CopyOptions,
  mode: number,
): Promise<void> {
  for (const format of formatsOf(options)) {
    const content = await formatExport(record, format)
    await writeAtomic(join(runFolder, EXPORT_FILES[format]), content, mode)
    await writeAtomic(join(storeFolder, latestName(record.name, format)), content, mode)
  }
}
